//! The parts of a reactor that work on a single connection may use.

use std::sync::Arc;

use super::admission::Admission;
use super::budget::TurnBudget;
use super::fan_outs::FanOuts;
use super::output::Output;
use super::refusals::Refusals;
use super::waits::Waits;
use crate::conn::{Draining, Env};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::router::Application;

/// The cost of joining or leaving a topic, in bytes of work.
pub(super) const TOPIC_BYTES: usize = 512;

/// The parts of a reactor that work on a single connection touches.
pub(super) struct Lent<S: Application> {
    /// The parts that the connection itself borrows for a call.
    pub(super) env: Env<S>,
    /// What this turn has used and may still use.
    pub(super) budget: TurnBudget,
    pub(super) output: Output,
    pub(super) waits: Waits,
    pub(super) fan_outs: FanOuts,
    pub(super) refusals: Refusals,
    /// The limits on clients, which all reactors of the server share.
    pub(super) admission: Arc<Admission>,
}

impl<S: Application> Lent<S> {
    /// The time of this turn.
    #[inline]
    pub(super) fn now(&self) -> Moment {
        self.env.tools.now
    }

    /// Unsubscribes a connection from all topics.
    pub(super) fn leave_topics(&mut self, id: ConnectionId) {
        let left = self.env.tools.effects.topics.leave_all(id);
        self.budget.charge(left * TOPIC_BYTES);
    }

    /// Whether draining has begun, so that no client is admitted any more.
    pub(super) fn is_draining(&self) -> bool {
        self.env.draining == Draining::Begun
    }

    /// Whether to read the request of a client that will be refused: it may be a health check.
    pub(super) fn hears_refused(&self) -> bool {
        self.env.settings.health_path.is_some() && !self.is_draining()
    }
}
