//! The slab of connections, whose slots carry generations.

use slab::Slab;

use super::entry::Entry;
use crate::id::{ConnectionId, MAX_SLOTS};

/// All connections of a reactor, each in a slot. The id of an earlier occupant of a slot finds nothing.
#[derive(Debug)]
pub(super) struct Slots {
    /// The worker that the ids of these connections name.
    worker: u8,
    slab: Slab<Entry>,
    generation: u32,
    /// The slots that have been used so far.
    used: usize,
}

/// Slots reserved from the start; the system provides the memory only as it is used. From this size on, the
/// allocator maps pages for a growing buffer and moves them instead of copying, so that no smaller copies
/// stay behind.
pub(super) const FIRST_SLOTS: usize = 16 * 1024;

impl Slots {
    pub(super) fn new(worker: u8) -> Self {
        Slots { worker, slab: Slab::with_capacity(FIRST_SLOTS), generation: 0, used: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Inserts the connection that `make` makes of its id. None if no slot is left.
    pub(super) fn insert(&mut self, make: impl FnOnce(ConnectionId) -> Entry) -> Option<ConnectionId> {
        let vacant = self.slab.vacant_entry();
        let slot = u32::try_from(vacant.key()).ok().filter(|&slot| (slot as usize) < MAX_SLOTS)?;
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(self.worker, slot, self.generation);
        self.used = self.used.max(id.slot().saturating_add(1));
        vacant.insert(make(id));
        Some(id)
    }

    /// The connection with this id, if it has not ended.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        self.slab.get_mut(id.slot()).filter(|entry| entry.id() == id)
    }

    /// The connection with this id, if it has not ended.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        self.slab.get(id.slot()).filter(|entry| entry.id() == id)
    }

    /// All connections, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slab.iter().map(|(_, entry)| entry)
    }

    /// The connections in the slots after that of `id`, in their order.
    pub(super) fn after(&self, id: ConnectionId) -> impl Iterator<Item = &Entry> {
        (id.slot().saturating_add(1)..self.used).filter_map(|slot| self.slab.get(slot))
    }

    /// The connection that occupies a slot now.
    pub(super) fn at(&self, slot: usize) -> Option<&Entry> {
        self.slab.get(slot)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        self.get(id)?;
        self.slab.try_remove(id.slot())
    }
}
