//! Work of the application between two turns: [`Reactor::act`].

use super::public::Reactor;
use crate::router::{Application, Effects};

impl<S: Application> Reactor<S> {
    /// Calls `act` with the application's state, between two turns, and returns its result. It runs at once,
    /// on this thread, without a lock or a wake-up.
    ///
    /// The next turn applies the effects before it does anything else, so they come in order with all other
    /// effects; until then [`next_deadline`](Self::next_deadline) is not in the future. Large fan-outs take
    /// several turns.
    ///
    /// A panic in `act` passes on to the caller. The effects that were added before it are applied, as those
    /// of a handler that panics are, and the reactor can go on.
    pub fn act<R>(&mut self, act: impl FnOnce(&mut S, &mut Effects) -> R) -> R {
        let env = &mut self.core.lent.env;
        act(&mut env.state, &mut env.tools.effects)
    }
}
