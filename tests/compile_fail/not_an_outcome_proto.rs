//! error: `Result<(), u16>` is nothing that a handler of `proto!` can return
//! says: it returns `Result<M, ErrorId>` with a message `M` for the reply, `()`, or an `Outcome`

use sysconn::{Access, Application, Context, Module, Route, proto};

struct Game;

impl Application for Game {
    type Session = ();
}

fn handler(_: &mut Game, _: (), _: &mut Context<'_>) -> Result<(), u16> {
    Ok(())
}

static ECHO: Module<Game> = Module::new(
    11,
    "echo",
    [
        Route::new(1101, "echo", Access::Anyone, proto!(handler)), //~
    ],
);

fn main() {
    let _ = ECHO.number();
}
