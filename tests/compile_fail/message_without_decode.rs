//! error: `Walk` is no message that a handler can take: it does not implement `Decode`
//! says: implement `sysconn::packet::Decode` for it

use sysconn::{Access, Application, Context, Module, Outcome, Route, typed};

struct Game;

impl Application for Game {
    type Session = ();
}

struct Walk;

fn walk(_: &mut Game, _: Walk, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static LEGS: Module<Game> = Module::new(
    20,
    "legs",
    [
        Route::new(2001, "walk", Access::Anyone, typed!(walk)), //~
    ],
);

fn main() {
    let _ = LEGS.number();
}
