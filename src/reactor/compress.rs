//! Time for replies that are compressed slice by slice.

use super::budget::Share;
use super::core::Core;
use crate::id::ConnectionId;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// Lets a connection compress one slice of a reply, if there is one that it compresses. It counts against the frames
    /// that the connection has left of this turn.
    pub(super) fn go_on_compressing(&mut self, id: ConnectionId, start: usize, share: &mut Share) {
        if !self.slots.get(id).is_some_and(|entry| entry.conn.has_job()) {
            return;
        }
        let frames = share.slice();
        let is_more_ready = self.with(id, start, frames, |entry, env| entry.conn.go_on_compressing(env));
        share.take_frames(self.lent.frames_taken(frames));
        self.end_slice(share);
        if is_more_ready == Some(true) {
            self.write_outbox(id);
        }
    }

    /// Lets those go on, in the next turn, whose replies have waited for others to be compressed.
    pub(super) fn hand_out_places(&mut self) {
        while let Some((id, place)) = self.lent.tools.places.next() {
            if let Some(entry) = self.slots.get_mut(id)
                && entry.conn.take_place(place)
            {
                self.postpone(id);
            }
        }
    }
}
