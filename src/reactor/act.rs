//! The embedder's own work between two turns, with the application's state and with effects.

use super::effects;
use super::public::Reactor;
use super::queue_output::write_all_segments;
use crate::conn::Env;
use crate::router::{Application, Effects};

impl<S: Application> Reactor<S> {
    /// Calls a function with the application's state between two turns. Its [`Effects`] are applied when it
    /// has returned, without a lock or a wake-up. Returns what it returns.
    pub fn act<R>(&mut self, act: impl FnOnce(&mut S, &mut Effects) -> R) -> R {
        let Env { state, tools, .. } = &mut self.core.lent.env;
        let result = act(state, &mut tools.effects);
        effects::apply(&mut self.core, None);
        write_all_segments(&mut self.core);
        result
    }
}
