//! Who plays each role, according to the replies to logins and logouts: one table for all workers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sysconn::ConnectionId;

/// The players of all workers. Clones share the table.
#[derive(Clone, Default)]
pub(crate) struct Players(Rc<RefCell<Table>>);

#[derive(Default)]
struct Table {
    /// The connection that plays each role.
    by_role: BTreeMap<u64, ConnectionId>,
    /// Connections whose role was taken over, and which have to be told so before they end.
    replaced: BTreeSet<ConnectionId>,
    /// Connections that were told wrongly, or not at all.
    wrong: usize,
}

impl Players {
    /// A connection plays a role from now on.
    pub(crate) fn log_in(&self, id: ConnectionId, role_id: u64) {
        let mut table = self.0.borrow_mut();
        if let Some(older) = table.by_role.insert(role_id, id).filter(|&older| older != id) {
            table.replaced.insert(older);
        }
    }

    /// A connection no longer plays a role, unless another has taken it over.
    pub(crate) fn log_out(&self, id: ConnectionId, role_id: u64) {
        let mut table = self.0.borrow_mut();
        if table.by_role.get(&role_id) == Some(&id) {
            table.by_role.remove(&role_id);
        }
    }

    /// A connection is told that its role was taken over.
    pub(crate) fn tell(&self, id: ConnectionId) {
        let mut table = self.0.borrow_mut();
        // Its role was not taken over, or it was told before.
        table.wrong += usize::from(!table.replaced.remove(&id));
    }

    /// A connection has ended. With one worker it must have been told before; between workers a mail says
    /// so, which it need not wait for.
    pub(crate) fn end(&self, id: ConnectionId, has_one_worker: bool) {
        let mut table = self.0.borrow_mut();
        table.wrong += usize::from(table.replaced.remove(&id) && has_one_worker);
    }

    /// What is left, by name.
    pub(crate) fn left(&self) -> [(&'static str, usize); 3] {
        let table = self.0.borrow();
        [
            ("players", table.by_role.len()),
            ("connections that wait to be replaced", table.replaced.len()),
            ("wrong replacements", table.wrong),
        ]
    }
}
