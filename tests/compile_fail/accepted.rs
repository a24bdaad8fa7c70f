//! compiles

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router, Ticket};

struct State(Vec<Ticket>);

impl Application for State {
    type Session = ();
}

fn echo(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.reply(request.data())
}

fn later(state: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    state.0.push(context.defer(request));
    Outcome::Done
}

static ECHO: Module<State> = Module::new(
    11,
    "echo",
    [Route::new(1101, "echo", Access::Anyone, echo), Route::new(1105, "deferred", Access::Anyone, later)],
);
static LAST: Module<State> = Module::new(655, "last", [Route::new(65_535, "echo", Access::Anyone, echo)]);
static ROUTER: Router<State> = Router::new([&ECHO, &LAST]);

fn main() {
    let _ = ROUTER.find(1101);
}
