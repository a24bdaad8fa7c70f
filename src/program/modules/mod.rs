//! The modules that `serve` brings, and the state that their handlers share.

mod echo;

use sysconn::{Application, Context, Message, Module, Outcome, Router};

use super::delay::Delay;

/// The state of `serve`.
pub(crate) struct Gateway {
    delay: Delay,
}

impl Gateway {
    /// # Errors
    /// One line that says what is missing.
    pub(crate) fn new() -> Result<Self, String> {
        Ok(Gateway { delay: Delay::start()? })
    }
}

impl Application for Gateway {}

static ECHO: Module<Gateway> = Module::new(11, "echo", echo::ROUTES);
static ECHO_WITH_DIAGNOSTICS: Module<Gateway> = Module::new(11, "echo", echo::ROUTES_WITH_DIAGNOSTICS);

static ROUTES: Router<Gateway> = Router::new([&ECHO]);
static ROUTES_WITH_DIAGNOSTICS: Router<Gateway> = Router::new([&ECHO_WITH_DIAGNOSTICS]);

/// The routes of `serve`, with or without those that harm.
pub(crate) fn routes(diagnostics: bool) -> &'static Router<Gateway> {
    if diagnostics { &ROUTES_WITH_DIAGNOSTICS } else { &ROUTES }
}

/// The state of `echo`: none.
pub(crate) struct Echo;

impl Application for Echo {}

/// Sends a message back as it came.
pub(crate) fn echo_message(_: &mut Echo, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    // The outbox takes a message of any length that is let in; what overflows it is the client's
    // own doing, and ends as the overflow policy says.
    let _ = context.send_message(message.kind, message.payload);
    Outcome::Done
}
