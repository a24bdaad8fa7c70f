//! The inflaters of a reactor, and the connections that wait for one.

use std::collections::VecDeque;

use super::inflater::Inflater;
use crate::id::ConnectionId;

/// The most messages of more than one slice that are inflated at the same time.
pub(crate) const MAX_LONG: usize = 4;

/// The inflater of a long message. It is created for the message and dropped after it.
#[derive(Debug, Default)]
struct Long {
    inflater: Option<Inflater>,
    /// The connection that sent the message.
    owner: Option<ConnectionId>,
}

/// An inflater for messages that need a single slice, which is always available, and a few for longer ones,
/// for which connections wait in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Inflaters {
    short: Option<Inflater>,
    long: [Long; MAX_LONG],
    waiting: VecDeque<ConnectionId>,
}

impl Inflaters {
    /// The inflater for messages that need a single slice.
    pub(crate) fn short(&mut self) -> &mut Inflater {
        self.short.get_or_insert_with(Inflater::new)
    }

    /// An inflater for a long message, which must [`begin`](Inflater::begin) with it. `None` if the
    /// connection has to wait; [`call_next`](Self::call_next) returns it when it is next.
    pub(crate) fn take_or_wait(&mut self, id: ConnectionId) -> Option<&mut Inflater> {
        if self.take(id).is_none() {
            self.waiting.push_back(id);
        }
        self.of(id)
    }

    /// Lets a connection keep the inflater for short messages, which has begun its message. Returns false if
    /// the connection has to wait and begin again.
    pub(crate) fn keep_short_or_wait(&mut self, id: ConnectionId) -> bool {
        match self.take(id) {
            Some(index) => {
                if let Some(long) = self.long.get_mut(index) {
                    std::mem::swap(&mut self.short, &mut long.inflater);
                }
                true
            }
            None => {
                self.waiting.push_back(id);
                false
            }
        }
    }

    /// The inflater that works on a message of this connection.
    pub(crate) fn of(&mut self, id: ConnectionId) -> Option<&mut Inflater> {
        let long = self.long.iter_mut().find(|long| long.owner == Some(id))?;
        Some(long.inflater.get_or_insert_with(Inflater::new))
    }

    /// Takes back the inflater of a connection, whose message is inflated or no longer needed.
    pub(crate) fn give_back(&mut self, id: ConnectionId) {
        self.reclaim(|owner| owner != id);
    }

    /// Gives a free inflater to the connection that has waited longest. If that has ended meanwhile, the
    /// caller must [give it back](Self::give_back).
    pub(crate) fn call_next(&mut self) -> Option<ConnectionId> {
        let id = *self.waiting.front()?;
        let long = self.long.iter_mut().find(|long| long.owner.is_none())?;
        long.owner = Some(id);
        self.waiting.pop_front()
    }

    /// Takes back the inflaters of connections that no longer inflate.
    pub(crate) fn reclaim(&mut self, inflates: impl Fn(ConnectionId) -> bool) {
        for long in &mut self.long {
            if long.owner.is_some_and(|owner| !inflates(owner)) {
                *long = Long::default();
            }
        }
    }

    /// The number of connections that inflate a long message or wait to do so.
    pub(crate) fn in_use(&self) -> usize {
        self.long.iter().filter(|long| long.owner.is_some()).count() + self.waiting.len()
    }

    /// Takes a free inflater, unless connections wait for one. Returns its index.
    fn take(&mut self, id: ConnectionId) -> Option<usize> {
        let index = self.long.iter().position(|long| long.owner.is_none())?;
        let long = self.long.get_mut(index).filter(|_| self.waiting.is_empty())?;
        long.owner = Some(id);
        Some(index)
    }
}
