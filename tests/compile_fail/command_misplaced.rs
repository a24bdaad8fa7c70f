//! error: this command belongs to another module

use sysconn::{Access, Context, Module, Outcome, Request, Route};

fn handler(_: &mut (), _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<()> = Module::new(11, "echo", [Route::new(1201, "join", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
