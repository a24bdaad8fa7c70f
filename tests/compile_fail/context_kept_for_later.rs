//! error: `dyn UseHandleOrDefer` cannot be sent between threads safely
//! says: required because it appears within the type `sysconn::Context<'_>`

use sysconn::{Application, Context, Outcome, Request};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.effects().survey(move |survey| {
        //~^
        let _ = context.reply(&survey.len().to_be_bytes());
    });
    Outcome::Done
}

fn main() {
    let _ = handler;
}
