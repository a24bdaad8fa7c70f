//! When a connection is read: in its turn, so that a server that sends without end keeps neither the other
//! connections nor the clock waiting.

use super::Engine;
use crate::bench::connection::{Connection, Readiness};

impl Engine {
    /// Something has happened at a socket. It is read in its turn.
    pub(super) fn ready(&mut self, index: usize, readiness: Readiness) {
        let mut now = readiness;
        if readiness.is_readable && (self.shared.read_time.is_over() || self.unread.has(index)) {
            self.unread.push_late(index);
            now.is_readable = false;
        }
        self.handle(index, now);
    }

    /// Reads those whose events came when the time of a turn was over, one at least.
    pub(super) fn read_late(&mut self) {
        while let Some(index) = self.unread.pop_late() {
            self.handle(index, Readiness::READABLE);
            if self.shared.read_time.is_over() {
                break;
            }
        }
    }

    /// Reads on where there was more, one connection at least. A quiet connection comes before a busy one.
    pub(super) fn read_rest(&mut self) {
        for _ in 0..self.unread.rest() {
            let Some(index) = self.unread.pop_rest() else { break };
            self.handle(index, Readiness::READABLE);
            if self.shared.read_time.is_over() {
                break;
            }
        }
    }

    fn handle(&mut self, index: usize, readiness: Readiness) {
        let more = self.act(index, |connection, shared| connection.handle_event(readiness, shared));
        if more == Some(true) {
            self.unread.push_rest(index);
        }
        self.active.push(index);
    }

    /// Ends connections that were not opened or closed in time.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some(&(_, index, since)) = self.deadlines.front().filter(|(at, ..)| *at <= now) {
            self.deadlines.pop_front();
            let takes_since = |it: &Self| it.connections.get(index).is_some_and(|it| it.takes_since(since));
            if !takes_since(self) {
                continue;
            }
            // What it waits for may be there.
            let is_unread = self.unread.has(index);
            if is_unread {
                self.handle(index, Readiness::READABLE);
            }
            if takes_since(self) {
                self.act(index, Connection::expire);
            }
            if is_unread && self.shared.read_time.is_over() {
                break;
            }
        }
    }
}
