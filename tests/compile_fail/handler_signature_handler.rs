//! error: mismatched types
//! says: incorrect number of function parameters
//! says: fn(&mut _, sysconn::Request<'_>, &mut sysconn::Context<'_, _>) -> _`

use sysconn::{Access, Application, Context, Module, Outcome, Route, handler};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
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
