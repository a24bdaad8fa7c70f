//! All connections of a reactor, and the schedule of work on them.

use super::entry::Entry;
use super::schedule::Schedule;
use super::slots::Slots;
use crate::id::ConnectionId;

/// The connections in their slots, and their schedule.
#[derive(Debug)]
pub(super) struct Connections {
    slots: Slots,
    schedule: Schedule,
}

impl Connections {
    pub(super) fn new(worker: usize) -> Self {
        Connections { slots: Slots::new(u8::try_from(worker).unwrap_or(u8::MAX)), schedule: Schedule::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        self.slots.get(id)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        self.slots.get_mut(id)
    }

    /// A connection, together with the schedule.
    #[inline]
    pub(super) fn get_with_schedule(&mut self, id: ConnectionId) -> Option<(&mut Entry, &mut Schedule)> {
        Some((self.slots.get_mut(id)?, &mut self.schedule))
    }

    /// The connection that occupies a slot now.
    pub(super) fn at(&self, slot: usize) -> Option<&Entry> {
        self.slots.at(slot)
    }

    /// All connections, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter()
    }

    /// The connections in the slots after that of `id`, in their order.
    pub(super) fn after(&self, id: ConnectionId) -> impl Iterator<Item = &Entry> {
        self.slots.after(id)
    }

    /// The ids of all connections, in the order of their slots.
    pub(super) fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.iter().map(Entry::id)
    }

    /// Inserts the connection that `make` makes of its id. None if no slot is left.
    pub(super) fn insert(&mut self, make: impl FnOnce(ConnectionId) -> Entry) -> Option<ConnectionId> {
        self.slots.insert(make)
    }

    /// Removes and returns a connection, and disarms its timer.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        let entry = self.slots.remove(id)?;
        self.schedule.disarm(id.slot());
        Some(entry)
    }

    pub(super) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(super) fn schedule_mut(&mut self) -> &mut Schedule {
        &mut self.schedule
    }

    /// Clears the marks of connections that were served in the previous turn.
    pub(super) fn forget_served(&mut self) {
        while let Some(id) = self.schedule.pop_served() {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.standing.set_served(false);
            }
        }
    }
}
