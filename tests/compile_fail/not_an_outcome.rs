//! error: mismatched types
//! says: fn(&'a mut Game, sysconn::Request<'b>, &'c mut sysconn::Context<'d, _>) -> Outcome`
//! says: fn(&'a mut Game, sysconn::Request<'b>, &'c mut sysconn::Context<'d, ()>) -> u16 {handler}`

use sysconn::{Access, Application, Context, Module, Request, Route};

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
        Route::new(1101, "echo", Access::Anyone, handler), //~
    ],
);

fn main() {
    let _ = ECHO.number();
}
