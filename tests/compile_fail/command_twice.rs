//! error: command 1101 is listed twice: as `first` (src/bin/command_twice.rs:21)
//! says: and as `second` (src/bin/command_twice.rs:22)

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<Game> = Module::new(
    //~^
    11,
    "echo",
    [
        Route::new(1101, "first", Access::Anyone, handler), // once
        Route::new(1101, "second", Access::Role, handler),
    ],
);

fn main() {
    let _ = ECHO.number();
}
