//! Timers: what is due, a bounded number of steps per turn.

use super::core::Core;
use super::wheel::Step;
use crate::router::Application;

/// Steps of the wheel in one turn. What is left comes in the next, which follows at once.
pub(super) const TURN_STEPS: usize = 16;
/// Connections that timers send something to, or end, in one turn: each costs a system call or more, and
/// so as much as dozens of steps.
pub(super) const TURN_CONSEQUENCES: usize = 1;

impl<S: Application> Core<S> {
    /// Lets the connections whose deadline has come look at their timers.
    pub(super) fn expire(&mut self) {
        let before = self.consequences();
        for _ in 0..TURN_STEPS {
            match self.wheel.step(self.now) {
                Step::Expired(slot) => self.expire_slot(slot),
                Step::Moved => {}
                Step::Idle => return,
            }
            if self.consequences().saturating_sub(before) >= TURN_CONSEQUENCES {
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
        #[cfg(feature = "sim")]
        crate::sim::expired();
        if let Some(entry) = self.slots.get(id).filter(|entry| entry.conn.asks_for_line()) {
            self.lent.line = Some(entry.line());
        }
        self.call(id, |entry, env| entry.conn.handle_timeout(env));
        // Traffic moves deadlines without telling the wheel; this is where it catches up.
        if let Some(entry) = self.slots.get_mut(id) {
            self.wheel.arm(slot, entry.conn.next_deadline(&self.lent.settings));
        }
        self.apply_effects();
    }
}
