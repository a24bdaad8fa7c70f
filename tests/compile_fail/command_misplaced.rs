//! error: this command belongs to another module

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route};

struct State;

impl Application for State {
    type Session = ();
}

fn handler(_: &mut State, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<State> = Module::new(11, "echo", [Route::new(1201, "join", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
