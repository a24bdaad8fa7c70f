//! error: command 1201, `join` (src/bin/command_misplaced.rs:16), belongs to module 12 (Cmd / 100),
//! says: (Cmd / 100), but is listed in module 11, `echo`

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<Game> = Module::new(11, "echo", [Route::new(1201, "join", Access::Anyone, handler)]); //~

fn main() {
    let _ = ECHO.number();
}
