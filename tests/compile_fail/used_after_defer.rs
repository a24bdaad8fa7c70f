//! error: borrow of moved value: `request`
//! says: value moved here
//! says: value borrowed here after move

use sysconn::{Application, Context, Outcome, Request};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    drop(context.defer(request));
    context.reply(request.data()) //~
}

fn main() {
    let _ = handler;
}
