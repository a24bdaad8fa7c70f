//! The state that a reactor lends to the connection that it works on.

use std::sync::Arc;

use super::admission::Admission;
use super::budget::TurnBudget;
use super::fan_outs::FanOuts;
use super::output::Output;
use super::refusals::Refusals;
use crate::conn::{Draining, Env};
use crate::moment::Moment;

/// The parts of a reactor that the work of a single connection touches.
pub(super) struct Lent<S: 'static> {
    /// The environment that the connection gets for a call.
    pub(super) env: Env<S>,
    /// What this turn has taken so far, and may still take.
    pub(super) budget: TurnBudget,
    pub(super) output: Output,
    pub(super) fan_outs: FanOuts,
    pub(super) refusals: Refusals,
    /// The limits on clients, which all reactors of the server share.
    pub(super) admission: Arc<Admission>,
}

impl<S> Lent<S> {
    /// The time of this turn.
    #[inline]
    pub(super) fn now(&self) -> Moment {
        self.env.tools.now
    }

    /// Whether draining has begun, so that no client is admitted any more.
    pub(super) fn is_draining(&self) -> bool {
        self.env.draining == Draining::Begun
    }

    /// Whether the request of a client that will be refused is read first, because it may be a health check.
    pub(super) fn hears_refused(&self) -> bool {
        self.env.settings.health_path.is_some() && !self.is_draining()
    }
}
