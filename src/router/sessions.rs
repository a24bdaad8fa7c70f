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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use allocation_counter::measure;

    use super::*;

    fn id(slot: u32) -> ConnectionId {
        ConnectionId::new(0, slot, 1)
    }

    #[test]
    fn nothing_takes_no_memory() {
        let mut sessions = Sessions::default();
        let measured = measure(|| {
            for slot in 0..1_000_000 {
                sessions.put(id(slot), ());
            }
        });
        assert_eq!((measured.bytes_total, sessions.len()), (0, 1_000_000));
        assert!((0..1_000_000).all(|slot| sessions.take(id(slot)).is_some()));
        assert_eq!((sessions.len(), sessions.take(id(0))), (0, None));
    }

    #[test]
    fn each_slot_has_its_own_session_which_is_dropped_once() {
        let all = Rc::new(());
        let mut sessions = Sessions::default();
        for (slot, name) in [(3, "three"), (0, "zero"), (9, "nine")] {
            sessions.put(id(slot), (name, all.clone()));
        }
        assert_eq!((sessions.len(), Rc::strong_count(&all)), (3, 4));
        sessions.get_mut(id(0)).unwrap().0 = "nought";
        let names: Vec<_> = (0..12).filter_map(|slot| Some(sessions.get(id(slot))?.0)).collect();
        assert_eq!(names, ["nought", "three", "nine"]);
        assert_eq!(sessions.take(id(3)).unwrap().0, "three");
        assert!(sessions.take(id(3)).is_none() && sessions.get_mut(id(3)).is_none());
        assert_eq!((sessions.len(), Rc::strong_count(&all)), (2, 3));
        drop(sessions);
        assert_eq!(Rc::strong_count(&all), 1);
    }

    #[test]
    fn sessions_without_a_size_are_dropped_too() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static DROPPED: AtomicU32 = AtomicU32::new(0);
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut sessions = Sessions::default();
        (0..3).for_each(|slot| sessions.put(id(slot), Guard));
        assert!(sessions.get(id(2)).is_some() && sessions.get_mut(id(0)).is_some());
        drop(sessions.take(id(1)));
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
        drop(sessions);
        assert_eq!(DROPPED.load(Ordering::Relaxed), 3);
    }
}
