//! Which connection plays which role: one each, the newest, whichever worker of the server it is on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::ConnectionId;

/// The players of all workers of a server, which meet here when a client logs in or out, or ends while it is
/// logged in, and never in between.
///
/// A login counts from the moment at which a handler makes it: whoever it replaces is known then, and not only
/// when the handler's effects are carried out, by which time the newer connection may play the role no longer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    players: HashMap<u64, ConnectionId>,
    /// Connections that were replaced and have not heard of it. Each is told once, so that no two clients can
    /// fill a mailbox by taking roles from each other.
    replaced: HashSet<ConnectionId>,
}

impl Roles {
    /// A connection plays a role from now on. Gives the one that played it before, if it is to be told.
    pub(crate) fn enter(&self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        let mut known = self.known();
        let older = known.players.insert(role_id, id).filter(|&older| older != id)?;
        known.replaced.insert(older).then_some(older)
    }

    /// A connection plays a role no longer. Whoever has taken it over goes on playing it.
    pub(crate) fn leave(&self, id: ConnectionId, role_id: u64) {
        let mut known = self.known();
        if known.players.get(&role_id) == Some(&id) {
            known.players.remove(&role_id);
        }
    }

    /// A connection hears that it was replaced.
    pub(crate) fn hear(&self, id: ConnectionId) {
        self.known().replaced.remove(&id);
    }

    /// The connection that plays a role.
    pub(crate) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.known().players.get(&role_id).copied()
    }

    /// Roles that are played, and connections that are yet to hear that they were replaced.
    pub(crate) fn len(&self) -> usize {
        let known = self.known();
        known.players.len() + known.replaced.len()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that is done under the lock can panic half-way, so a poisoned lock is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a connection does with a role.
    #[derive(Debug)]
    enum Step {
        /// And who is to be told.
        Enter(u64, u64, Option<u64>),
        Leave(u64, u64),
        Hear(u64),
    }

    #[test]
    fn the_newest_plays_and_each_older_one_is_told_once() {
        use Step::{Enter, Hear, Leave};
        type Case = (&'static str, &'static [Step], Option<u64>);
        let cases: [Case; 9] = [
            ("alone", &[Enter(1, 5, None)], Some(1)),
            ("again", &[Enter(1, 5, None), Enter(1, 5, None)], Some(1)),
            ("taken over", &[Enter(1, 5, None), Enter(2, 5, Some(1))], Some(2)),
            ("and given up", &[Enter(1, 5, None), Enter(2, 5, Some(1)), Leave(2, 5)], None),
            ("late end", &[Enter(1, 5, None), Enter(2, 5, Some(1)), Leave(1, 5)], Some(2)),
            ("out in time", &[Enter(1, 5, None), Leave(1, 5), Enter(2, 5, None)], Some(2)),
            ("another role", &[Enter(1, 5, None), Enter(2, 6, None), Leave(1, 6)], Some(1)),
            (
                "told already",
                &[Enter(1, 5, None), Enter(2, 5, Some(1)), Enter(1, 5, Some(2)), Enter(3, 5, None)],
                Some(3),
            ),
            (
                "told anew",
                &[
                    Enter(1, 5, None),
                    Enter(2, 5, Some(1)),
                    Hear(1),
                    Enter(1, 5, Some(2)),
                    Enter(3, 5, Some(1)),
                ],
                Some(3),
            ),
        ];
        for (name, steps, player) in cases {
            let roles = Roles::default();
            for step in steps {
                match *step {
                    Enter(id, role_id, told) => {
                        let older = roles.enter(ConnectionId::from_u64(id), role_id);
                        assert_eq!(older, told.map(ConnectionId::from_u64), "{name}: {step:?}");
                    }
                    Leave(id, role_id) => roles.leave(ConnectionId::from_u64(id), role_id),
                    Hear(id) => roles.hear(ConnectionId::from_u64(id)),
                }
            }
            assert_eq!(roles.player(5), player.map(ConnectionId::from_u64), "{name}");
        }
    }
}
