//! error: `Walked` is no reply: it does not implement `Encode`
//! says: implement `sysconn::packet::Encode` for it

use sysconn::packet::ErrorId;
use sysconn::{Access, Application, Context, Module, Request, Route, handler};

struct Game;

impl Application for Game {
    type Session = ();
}

struct Walked;

fn walk(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> Result<Walked, ErrorId> {
    Ok(Walked)
}

static LEGS: Module<Game> = Module::new(
    20,
    "legs",
    [
        Route::new(2001, "walk", Access::Anyone, handler!(walk)), //~
    ],
);

fn main() {
    let _ = LEGS.number();
}
