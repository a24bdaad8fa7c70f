//! error: E0308

use sysconn::{Access, Context, Module, Request, Route};

fn handler(_: &mut (), _: Request<'_>, _: &mut Context<'_>) -> Result<(), u16> {
    Ok(())
}

static ECHO: Module<()> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
