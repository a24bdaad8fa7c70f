//! Inflaters for long messages: from connections that need theirs no longer to those that have waited longest.

use super::core::Core;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// Hands on the inflaters that are free. Whoever gets one has work for the next turn.
    pub(super) fn hand_on_inflaters(&mut self) {
        if self.lent.inflaters.in_use() == 0 {
            return;
        }
        let (lent, slots) = (&mut self.lent, &mut self.slots);
        // Those that have ended, or begun to close, do not say so.
        lent.inflaters.reclaim(|id| slots.get(id).is_some_and(|entry| entry.conn.inflates()));
        while let Some(id) = lent.inflaters.call_next() {
            let Some(entry) = slots.get_mut(id) else {
                lent.inflaters.give_back(id);
                continue;
            };
            if !entry.conn.handle_inflater(lent) {
                lent.inflaters.give_back(id);
            } else if !entry.standing.is_ready() {
                entry.standing.set_ready(true);
                self.ready.push(id, true);
            }
        }
    }
}
