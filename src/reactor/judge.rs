//! Before a timer ends a connection: what its client may have done that nobody has seen yet.

use super::budget::Share;
use super::core::Core;
use crate::id::ConnectionId;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// Looks at a socket whose connection is about to be ended for what its client has not done: at what has come, which
    /// the poll may not have told yet, and then at whether the client takes what it is sent.
    pub(super) fn hear_before_judging(&mut self, id: ConnectionId) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        if !entry.conn.is_about_to_end(self.now, &self.lent.settings) {
            return;
        }
        if !entry.standing.was_served() {
            entry.readable = true;
            entry.socket.expect_read();
            self.serve(id, Share::WHOLE);
        }
        let Some(entry) = self.slots.get_mut(id) else { return };
        if entry.conn.is_taken_for_silent(&self.lent)
            && let Some(outgoing) = entry.socket.outgoing()
        {
            entry.conn.handle_outgoing(outgoing, &mut self.lent);
        }
    }
}
