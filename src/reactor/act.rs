//! Work of the application between two turns: [`Reactor::act`].

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::public::Reactor;
use crate::metrics::Work;
use crate::router::{Application, Effects};
use crate::topics::Quota;

impl<S: Application> Reactor<S> {
    /// Calls `act` with the application's state, between two turns, and returns its result. It runs at once,
    /// on this thread, without a lock or a wake-up.
    ///
    /// The next turn applies the effects before it does anything else, so they come in order with all other
    /// effects; until then [`next_deadline`](Self::next_deadline) is not in the future. Large fan-outs take
    /// several turns, and so do pushes that take more than a quarter of a turn's time.
    ///
    /// A panic in `act` passes on to the caller. The effects that were added before it are applied, as those
    /// of a handler that panics are, and the reactor can go on.
    pub fn act<R>(&mut self, act: impl FnOnce(&mut S, &mut Effects) -> R) -> R {
        let env = &mut self.core.lent.env;
        env.tools.effects.quota = Quota::Application;
        env.tools.meter.begins(Work::Call, 0);
        let acted = catch_unwind(AssertUnwindSafe(|| act(&mut env.state, &mut env.tools.effects)));
        env.tools.meter.ends();
        env.tools.effects.quota = Quota::Guest;
        acted.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
