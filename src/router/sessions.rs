//! What belongs to each connection: the sessions of an application, by slot.

use crate::id::ConnectionId;

/// The sessions of a reactor's open connections, one for each.
///
/// A packet does not look its connection's session up: that happens only when a handler asks for it.
pub(crate) struct Sessions<Session> {
    slots: Vec<Option<Session>>,
    /// Sessions of a type without a size, such as `()`: one cannot be told from another, so they are only
    /// counted. They take no memory.
    alike: Vec<Session>,
}

impl<Session> Default for Sessions<Session> {
    fn default() -> Self {
        Sessions { slots: Vec::new(), alike: Vec::new() }
    }
}

impl<Session> Sessions<Session> {
    const ARE_ALIKE: bool = size_of::<Session>() == 0;

    /// Keeps the session of a connection that is about to open.
    pub(crate) fn put(&mut self, id: ConnectionId, session: Session) {
        if Self::ARE_ALIKE {
            return self.alike.push(session);
        }
        let slot = id.slot();
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(session);
        }
    }

    /// Takes the session of a connection that has ended.
    pub(crate) fn take(&mut self, id: ConnectionId) -> Option<Session> {
        if Self::ARE_ALIKE { self.alike.pop() } else { self.slots.get_mut(id.slot())?.take() }
    }

    /// The session of an open connection.
    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Session> {
        if Self::ARE_ALIKE { self.alike.last() } else { self.slots.get(id.slot())?.as_ref() }
    }

    /// The session of an open connection.
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        if Self::ARE_ALIKE { self.alike.last_mut() } else { self.slots.get_mut(id.slot())?.as_mut() }
    }

    /// The number of sessions, for audits.
    pub(crate) fn len(&self) -> usize {
        self.alike.len() + self.slots.iter().flatten().count()
    }
}
