//! error: this command is listed twice

use sysconn::{Access, Context, Module, Outcome, Request, Route};

fn handler(_: &mut (), _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

static ECHO: Module<()> = Module::new(
    11,
    "echo",
    [Route::new(1101, "first", Access::Anyone, handler), Route::new(1101, "second", Access::Role, handler)],
);

fn main() {
    let _ = ECHO.number();
}
