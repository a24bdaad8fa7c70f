//! error: `u16` is nothing that a handler can return
//! says: it returns `Result<R, ErrorId>` with a reply `R`, `()`, or an `Outcome`

use sysconn::{Access, Application, Context, Module, Request, Route, handler};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> u16 {
    0
}

static ECHO: Module<Game> = Module::new(
    11,
    "echo",
    [
        Route::new(1101, "echo", Access::Anyone, handler!(handler)), //~
    ],
);

fn main() {
    let _ = ECHO.number();
}
