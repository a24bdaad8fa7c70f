//! error: this module is listed twice

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router};

struct State;

impl Application for State {
    type Session = ();
}

fn handler(_: &mut State, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ONE: Module<State> = Module::new(11, "one", [Route::new(1101, "echo", Access::Anyone, handler)]);
static OTHER: Module<State> = Module::new(11, "other", [Route::new(1102, "sink", Access::Anyone, handler)]);
static ROUTER: Router<State> = Router::new([&ONE, &OTHER]);

fn main() {
    let _ = ROUTER.find(1101);
}
