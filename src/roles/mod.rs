//! Which connection holds which role: each role has one connection, the newest.
//!
//! A login counts from the moment when a handler makes it. The connection that it replaces is determined
//! then, and not when the handler's effects are applied: by that time the newer connection may hold another
//! role.

mod players;
mod shared;

use players::Players;
use shared::SharedRoles;

use crate::id::ConnectionId;
use crate::presence::{RoleClaim, Told};

/// The holders of roles, as one worker of a server sees them.
#[derive(Debug)]
pub(crate) enum Roles {
    /// The server has one worker, with its own table. It need not track connections that have not been told:
    /// the effects of one connection's handlers are applied before another connection's handler runs, so a
    /// connection is told that it was replaced before it can be replaced again.
    Local(Players),
    /// All workers of the server share one table.
    Shared(SharedRoles),
}

impl Roles {
    /// Makes the roles of a server with this many workers, one value for each worker. `told` hears of each
    /// claim.
    pub(crate) fn for_workers(count: usize, told: Told) -> Vec<Self> {
        if count == 1 {
            return vec![Roles::Local(Players::new(told))];
        }
        let shared = SharedRoles::new(told);
        (0..count).map(|_| Roles::Shared(shared.clone())).collect()
    }

    /// Gives a role to a connection. Returns the previous holder, if it must be told.
    pub(crate) fn enter(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        match self {
            Roles::Local(roles) => roles.enter(id, role_id),
            Roles::Shared(roles) => roles.enter(id, role_id),
        }
    }

    /// Takes a role from a connection, unless another one holds it by now.
    pub(crate) fn leave(&mut self, id: ConnectionId, role_id: u64) {
        match self {
            Roles::Local(roles) => roles.leave(id, role_id),
            Roles::Shared(roles) => roles.leave(id, role_id),
        }
    }

    /// Takes a role from the connection that has claimed it, because a newer login elsewhere has it. Returns
    /// whether the connection must be told: false if it does not have this claim any more.
    pub(crate) fn revoke(&mut self, claim: RoleClaim) -> bool {
        match self {
            Roles::Local(roles) => roles.revoke(claim),
            Roles::Shared(roles) => roles.revoke(claim),
        }
    }

    /// Records that a connection is being told that it was replaced.
    pub(crate) fn note_told(&mut self, id: ConnectionId) {
        match self {
            Roles::Local(_) => {}
            Roles::Shared(roles) => roles.note_told(id),
        }
    }

    /// The connection that holds a role, on any worker.
    pub(crate) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        match self {
            Roles::Local(roles) => roles.player(role_id),
            Roles::Shared(roles) => roles.player(role_id),
        }
    }

    /// The numbers of roles that are held, and of replaced connections that have not been told.
    pub(crate) fn len(&self) -> usize {
        match self {
            Roles::Local(roles) => roles.len(),
            Roles::Shared(roles) => roles.len(),
        }
    }
}

/// The roles of a server with one worker.
impl Default for Roles {
    fn default() -> Self {
        Roles::Local(Players::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An action of a connection on a role.
    #[derive(Debug)]
    enum Step {
        /// It logs in, and the previous holder must be told.
        Enter(u64, u64, Option<u64>),
        Leave(u64, u64),
        Told(u64),
    }

    use Step::{Enter, Leave, Told};
    type Case = (&'static str, &'static [Step], Option<u64>);

    /// Roles that nobody is told of.
    fn for_workers(count: usize) -> Vec<Roles> {
        Roles::for_workers(count, crate::presence::Told::default())
    }

    fn check(name: &str, mut roles: Roles, steps: &[Step], player: Option<u64>) {
        for step in steps {
            match *step {
                Enter(id, role_id, told) => {
                    let older = roles.enter(ConnectionId::from_u64(id), role_id);
                    assert_eq!(older, told.map(ConnectionId::from_u64), "{name}: {step:?}");
                }
                Leave(id, role_id) => roles.leave(ConnectionId::from_u64(id), role_id),
                Told(id) => roles.note_told(ConnectionId::from_u64(id)),
            }
        }
        assert_eq!(roles.player(5), player.map(ConnectionId::from_u64), "{name}");
    }

    #[test]
    fn the_newest_connection_plays_the_role() {
        let cases: [Case; 8] = [
            ("alone", &[Enter(1, 5, None)], Some(1)),
            ("again", &[Enter(1, 5, None), Enter(1, 5, None)], Some(1)),
            ("taken over", &[Enter(1, 5, None), Enter(2, 5, Some(1))], Some(2)),
            ("and given up", &[Enter(1, 5, None), Enter(2, 5, Some(1)), Leave(2, 5)], None),
            ("late end", &[Enter(1, 5, None), Enter(2, 5, Some(1)), Leave(1, 5)], Some(2)),
            ("out in time", &[Enter(1, 5, None), Leave(1, 5), Enter(2, 5, None)], Some(2)),
            ("another role", &[Enter(1, 5, None), Enter(2, 6, None), Leave(1, 6)], Some(1)),
            (
                "told anew",
                &[
                    Enter(1, 5, None),
                    Enter(2, 5, Some(1)),
                    Told(1),
                    Enter(1, 5, Some(2)),
                    Told(2),
                    Enter(3, 5, Some(1)),
                ],
                Some(3),
            ),
        ];
        for (name, steps, player) in cases {
            for workers in [1, 2] {
                check(name, for_workers(workers).remove(0), steps, player);
            }
        }
    }

    #[test]
    fn a_replaced_connection_of_several_workers_is_told_once_at_a_time() {
        let steps = [Enter(1, 5, None), Enter(2, 5, Some(1)), Enter(1, 5, Some(2)), Enter(3, 5, None)];
        check("told already", for_workers(2).remove(0), &steps, Some(3));
    }

    #[test]
    fn all_workers_see_the_same_players() {
        let mut workers = for_workers(2);
        assert_eq!(workers[0].enter(ConnectionId::from_u64(1), 5), None);
        assert_eq!(workers[1].enter(ConnectionId::from_u64(2), 5), Some(ConnectionId::from_u64(1)));
        assert_eq!(workers[0].player(5), Some(ConnectionId::from_u64(2)));
    }
}
