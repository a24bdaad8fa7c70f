//! error: `dyn UseHandleOrDefer` cannot be sent between threads safely
//! says: required because it appears within the type `sysconn::Context<'_>`

use sysconn::{Application, Context, Outcome, Request};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    std::thread::spawn(move || context.reply(b"later")); //~
    Outcome::Done
}

fn main() {
    let _ = handler;
}
