//! error: this command is listed twice

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route};

struct State;

impl Application for State {
    type Session = ();
}

fn handler(_: &mut State, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<State> = Module::new(
    11,
    "echo",
    [Route::new(1101, "first", Access::Anyone, handler), Route::new(1101, "second", Access::Role, handler)],
);

fn main() {
    let _ = ECHO.number();
}
