//! What a call of a handler leaves to be done once it has returned, beside its outcome.

use super::deferral::Deferral;

/// The rare parts. A [`Context`](super::Context) says whether there are any, so that most calls do not look.
#[derive(Debug, Default)]
pub(crate) struct AfterCall {
    /// The request, if the handler has deferred it.
    pub(crate) deferral: Option<Box<Deferral>>,
    /// Whether the refusal that the handler returns has Data, which is in [`Tools::refusal`].
    ///
    /// [`Tools::refusal`]: super::Tools::refusal
    pub(crate) refuses_with_data: bool,
    /// Whether a packet did not fit the outbox.
    pub(crate) overflowed: bool,
    /// Whether the connection was logged in.
    pub(crate) logged_in: bool,
    /// Whether the handler has asked for effects.
    pub(crate) has_effects: bool,
}
