//! error: E0308

use sysconn::{Access, Application, Context, Module, Request, Route};

struct State;

impl Application for State {
    type Session = ();
}

fn handler(_: &mut State, _: Request<'_>, _: &mut Context<'_>) -> Result<(), u16> {
    Ok(())
}

static ECHO: Module<State> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
