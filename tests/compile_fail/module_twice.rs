//! error: this module is listed twice

use sysconn::{Access, Context, Module, Outcome, Request, Route, Router};

fn handler(_: &mut (), _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ONE: Module<()> = Module::new(11, "one", [Route::new(1101, "echo", Access::Anyone, handler)]);
static OTHER: Module<()> = Module::new(11, "other", [Route::new(1102, "sink", Access::Anyone, handler)]);
static ROUTER: Router<()> = Router::new([&ONE, &OTHER]);

fn main() {
    let _ = ROUTER.find(1101);
}
