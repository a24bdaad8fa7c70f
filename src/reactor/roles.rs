//! Which connection plays which role: one each, the newest.
//!
//! With one worker a login is at once what it says. Where there are several, each role has a home, one of
//! them, which knows who plays it, and a login is a claim, which the connection's worker tells the home of,
//! through its mailbox even if it is the same: so of two logins the one that the home hears of later is the
//! newer, also where one was made after the other had been answered. The home tells the worker of the older
//! one by the number of its claim: a claim that was given up meanwhile is not the one that was replaced.
//!
//! A worker has at most one claim of a connection under way; until the home has confirmed it, what the
//! connection does next has to wait. So a client that logs in as fast as it can fills no mailbox.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use crate::cause::Cause;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, RoleMail};
use crate::router::Application;

/// Who plays a role, and the claim by which it does.
#[derive(Clone, Copy, Debug)]
struct Holder {
    id: ConnectionId,
    claim: u64,
}

/// A login, where there are several workers.
#[derive(Clone, Copy, Debug)]
struct Claim {
    number: u64,
    /// 0 once it is given up.
    role_id: u64,
    /// The home has not confirmed it yet.
    under_way: bool,
}

/// What a worker knows of roles.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// With one worker: who plays each role. There is one for each client that is logged in.
    players: HashMap<u64, ConnectionId>,
    /// With several: who plays the roles whose home is here.
    holders: HashMap<u64, Holder>,
    /// The logins of this worker's connections.
    claims: HashMap<ConnectionId, Claim>,
    /// The number of the last claim.
    last_claim: u64,
}

impl Roles {
    /// Roles and claims that are known.
    #[cfg(feature = "sim")]
    pub(super) fn len(&self) -> usize {
        self.players.len() + self.holders.len() + self.claims.len()
    }
}

impl<S: Application> Core<S> {
    /// The connection of this worker that plays a role.
    pub(super) fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        if self.is_alone() {
            return self.roles.players.get(&role_id).copied();
        }
        let claims = self.roles.claims.iter().filter(|(_, claim)| claim.role_id == role_id && role_id != 0);
        claims.max_by_key(|(_, claim)| claim.number).map(|(id, _)| *id)
    }

    /// A connection has logged in. The one that held the role before closes.
    pub(super) fn enter_role(&mut self, id: ConnectionId, role_id: u64) {
        // Within one turn it can have logged out again, or have ended.
        if self.slots.get_mut(id).is_none_or(|entry| entry.conn.record.role_id() != role_id) {
            return;
        }
        if self.is_alone() {
            if let Some(older) = self.roles.players.insert(role_id, id).filter(|&older| older != id) {
                self.replace(older);
            }
            return;
        }
        if self.roles.claims.get(&id).is_some_and(|claim| claim.under_way || claim.role_id == role_id) {
            return;
        }
        self.roles.last_claim += 1;
        let number = self.roles.last_claim;
        self.roles.claims.insert(id, Claim { number, role_id, under_way: true });
        self.tell_home(role_id, RoleMail::Enter { id, role_id, claim: number });
    }

    /// A connection has logged out or ended. Its role is free, unless a newer one plays it by now.
    pub(super) fn leave_role(&mut self, id: ConnectionId, role_id: u64) {
        if self.is_alone() {
            if self.roles.players.get(&role_id) == Some(&id) {
                self.roles.players.remove(&role_id);
            }
            return;
        }
        let Some(claim) = self.roles.claims.get_mut(&id).filter(|claim| claim.role_id == role_id) else {
            return;
        };
        if role_id == 0 {
            return;
        }
        claim.role_id = 0;
        if !claim.under_way {
            self.roles.claims.remove(&id);
        }
        self.tell_home(role_id, RoleMail::Leave { id, role_id });
    }

    /// What a worker has to say of a role.
    pub(super) fn deliver_role(&mut self, mail: RoleMail) {
        match mail {
            RoleMail::Enter { id, role_id, claim } => {
                self.tell(id.worker(), RoleMail::Entered { id, claim });
                self.hold_role(role_id, Holder { id, claim });
            }
            RoleMail::Leave { id, role_id } => self.free_role(id, role_id),
            RoleMail::Entered { id, claim } => self.confirm(id, claim),
            RoleMail::Replaced { id, claim } => {
                let current = self.roles.claims.get(&id);
                if current.is_some_and(|current| current.number == claim && current.role_id != 0) {
                    // The home has confirmed it before, and does not count on its end any more.
                    self.roles.claims.remove(&id);
                    self.replace(id);
                }
            }
        }
    }

    /// This role's home is here: it has a new holder.
    fn hold_role(&mut self, role_id: u64, holder: Holder) {
        let older = self.roles.holders.insert(role_id, holder);
        if let Some(Holder { id, claim }) = older.filter(|older| older.id != holder.id) {
            self.tell(id.worker(), RoleMail::Replaced { id, claim });
        }
    }

    /// This role's home is here: one connection plays it no longer.
    fn free_role(&mut self, id: ConnectionId, role_id: u64) {
        if self.roles.holders.get(&role_id).is_some_and(|holder| holder.id == id) {
            self.roles.holders.remove(&role_id);
        }
    }

    /// The home has heard of a claim. What the connection has done since can go on.
    fn confirm(&mut self, id: ConnectionId, number: u64) {
        let Some(claim) = self.roles.claims.get_mut(&id).filter(|claim| claim.number == number) else {
            return;
        };
        claim.under_way = false;
        if claim.role_id == 0 {
            self.roles.claims.remove(&id);
        }
        let role_id = self.slots.get(id).map_or(0, |entry| entry.conn.record.role_id());
        if role_id != 0 {
            self.enter_role(id, role_id);
        }
    }

    /// Closes a connection whose role a newer one plays.
    fn replace(&mut self, id: ConnectionId) {
        let Env { state, tools, .. } = &mut self.lent;
        if let Some(entry) = self.slots.get(id)
            && entry.conn.is_open()
            && catch_unwind(AssertUnwindSafe(|| state.replaced(&entry.conn.record, &mut tools.effects)))
                .is_err()
        {
            log::error!("the hook for replaced connections panicked");
        }
        self.call(id, |entry, env| entry.conn.close(Cause::Replaced, env));
    }

    /// Tells the worker that knows who plays a role.
    fn tell_home(&self, role_id: u64, mail: RoleMail) {
        self.tell((role_id % self.common.mailboxes.count() as u64) as usize, mail);
    }

    fn tell(&self, worker: usize, mail: RoleMail) {
        self.common.mailboxes.post_always(worker, Mail::Role(mail));
    }
}
