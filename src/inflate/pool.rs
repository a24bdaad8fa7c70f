//! The inflaters of a reactor, and who waits for one.

use std::collections::VecDeque;

use super::Inflater;
use crate::id::ConnectionId;

/// Messages of more than one slice that are being inflated at the same time.
pub(crate) const MAX_LONG: usize = 4;

/// A place for an inflater that works on a long message, which is made for it and dropped with it.
#[derive(Debug, Default)]
struct Long {
    inflater: Option<Inflater>,
    /// Whose message it works on.
    owner: Option<ConnectionId>,
}

/// One inflater for messages that take a single slice, which nobody waits for, and a few for longer ones. Whoever finds
/// none of these waits; the one that has waited longest gets the next.
#[derive(Debug, Default)]
pub(crate) struct Inflaters {
    short: Option<Inflater>,
    long: [Long; MAX_LONG],
    waiting: VecDeque<ConnectionId>,
}

impl Inflaters {
    /// The one for messages that take a single slice.
    pub(crate) fn short(&mut self) -> &mut Inflater {
        self.short.get_or_insert_with(Inflater::new)
    }

    /// One for a long message, to [begin](Inflater::begin) it with. None: the connection waits, and is
    /// [called](Self::call_next) when its turn has come.
    pub(crate) fn take_or_wait(&mut self, id: ConnectionId) -> Option<&mut Inflater> {
        if self.take(id).is_none() {
            self.waiting.push_back(id);
        }
        self.of(id)
    }

    /// Lets a connection keep the one for short messages, which is in the midst of its message. False if it has to wait,
    /// and to begin anew.
    pub(crate) fn keep_short_or_wait(&mut self, id: ConnectionId) -> bool {
        match self.take(id) {
            Some(place) => {
                if let Some(long) = self.long.get_mut(place) {
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

    /// The one that works on the message of a connection.
    pub(crate) fn of(&mut self, id: ConnectionId) -> Option<&mut Inflater> {
        let long = self.long.iter_mut().find(|long| long.owner == Some(id))?;
        Some(long.inflater.get_or_insert_with(Inflater::new))
    }

    /// A connection's message is inflated, or not wanted any more.
    pub(crate) fn give_back(&mut self, id: ConnectionId) {
        self.reclaim(|owner| owner != id);
    }

    /// Gives one that is free to the connection that has waited longest, which may be gone by now: then it is to be
    /// [given back](Self::give_back).
    pub(crate) fn call_next(&mut self) -> Option<ConnectionId> {
        let id = *self.waiting.front()?;
        let long = self.long.iter_mut().find(|long| long.owner.is_none())?;
        long.owner = Some(id);
        self.waiting.pop_front()
    }

    /// Takes them back from all connections that do not inflate any more.
    pub(crate) fn reclaim(&mut self, inflates: impl Fn(ConnectionId) -> bool) {
        for long in &mut self.long {
            if long.owner.is_some_and(|owner| !inflates(owner)) {
                *long = Long::default();
            }
        }
    }

    /// Connections that inflate or wait.
    pub(crate) fn in_use(&self) -> usize {
        self.long.iter().filter(|long| long.owner.is_some()).count() + self.waiting.len()
    }

    /// Takes one that is free, unless somebody has waited for it. Its index.
    fn take(&mut self, id: ConnectionId) -> Option<usize> {
        let place = self.long.iter().position(|long| long.owner.is_none())?;
        let long = self.long.get_mut(place).filter(|_| self.waiting.is_empty())?;
        long.owner = Some(id);
        Some(place)
    }
}
