//! error: does not live long enough
//! says: is borrowed for `'static`
//! says: a table is a `static`

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

fn main() {
    let echo: Module<Game> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, handler)]);
    let router = Router::new([&echo]); //~
    let _ = router.find(1101);
}
