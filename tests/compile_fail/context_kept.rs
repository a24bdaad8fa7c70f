//! error: borrowed data escapes outside of function
//! says: `context` is a reference that is only valid in the function body
//! says: `context` escapes the function body here

use sysconn::{Application, Context, Outcome, Request};

struct Game {
    kept: Vec<&'static mut Context<'static>>,
}

impl Application for Game {
    type Session = ();
}

fn handler(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.kept.push(context); //~
    Outcome::Done
}

fn main() {
    let _ = handler;
}
