//! error: the trait bound `Walk: prost::message::Message` is not satisfied
//! says: the trait `prost::message::Message` is not implemented for `Walk`

use sysconn::{Access, Application, Context, Module, Outcome, Route, proto};

struct Game;

impl Application for Game {
    type Session = ();
}

#[derive(Default)]
struct Walk;

fn walk(_: &mut Game, _: Walk, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static LEGS: Module<Game> = Module::new(
    20,
    "legs",
    [
        Route::new(2001, "walk", Access::Anyone, proto!(walk)), //~
    ],
);

fn main() {
    let _ = LEGS.number();
}
