//! Timers: what is due, for as long as a turn has time for it.

use super::accept::TURN_ACCEPTS;
use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::wheel;
use crate::router::Application;

/// Steps of the wheel that count as one handler: each looks at one timer at most.
const STEPS: usize = 8;
/// Connections that timers send something to, or end, at least in one turn: as many as it accepts.
pub(super) const LEAST_CONSEQUENCES: usize = Step::Timers.least();

// Whatever comes in with a deadline leaves with it at least as fast.
const _: () = assert!(LEAST_CONSEQUENCES >= TURN_ACCEPTS);

impl<S: Application> Core<S> {
    /// Lets the connections whose deadline has come look at their timers, in the order of the deadlines. Those
    /// for which there is no time do so in the next turn, which follows at once.
    pub(super) fn expire(&mut self) {
        let before = self.consequences();
        loop {
            match self.wheel.step(self.now) {
                wheel::Step::Expired(slot) => self.expire_slot(slot),
                wheel::Step::Moved => {}
                wheel::Step::Idle => return,
            }
            self.turn.charge(STEP_BYTES / STEPS);
            if !self.turn.allows(Step::Timers, self.consequences().saturating_sub(before)) {
                return;
            }
        }
    }

    /// What the end of the turn has to write or to bury.
    fn consequences(&self) -> usize {
        self.segments.len() + self.dead.len()
    }

    fn expire_slot(&mut self, slot: usize) {
        let Some(id) = self.slots.id_at(slot) else { return };
        self.hear_before_judging(id);
        if let Some(entry) = self.slots.get(id).filter(|entry| entry.conn.asks_for_line()) {
            self.lent.line = Some(entry.line());
        }
        self.call(id, |entry, env| entry.conn.handle_timeout(env));
        // Traffic moves deadlines without telling the wheel; this is where it catches up.
        if let Some(entry) = self.slots.get_mut(id) {
            self.wheel.arm(slot, entry.conn.next_deadline(&self.lent.settings));
        }
        self.apply_effects(None);
    }
}
