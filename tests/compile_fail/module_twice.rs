//! error: module 11 is listed twice: as `one` (src/bin/module_twice.rs:16) and as `other`
//! says: and as `other` (src/bin/module_twice.rs:17)

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ONE: Module<Game> = Module::new(11, "one", [Route::new(1101, "echo", Access::Anyone, handler)]);
static OTHER: Module<Game> = Module::new(11, "other", [Route::new(1102, "sink", Access::Anyone, handler)]);
static ROUTER: Router<Game> = Router::new([&ONE, &OTHER]); //~

fn main() {
    let _ = ROUTER.find(1101);
}
