//! error: E0382

use sysconn::{Access, Context, Module, Outcome, Request, Route};

fn handler(_: &mut (), request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    drop(context.defer(request));
    context.reply(request.data())
}

static ECHO: Module<()> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, handler)]);

fn main() {
    let _ = ECHO.number();
}
