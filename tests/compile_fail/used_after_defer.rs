//! error: E0382

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route};

struct State;

impl Application for State {
    type Session = ();
}

fn handler(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    drop(context.defer(request));
    context.reply(request.data())
}

static ECHO: Module<State> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
