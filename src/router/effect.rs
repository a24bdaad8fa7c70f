//! What handlers want done to connections, as data: the reactor does it after they have returned.

use std::fmt;

use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::id::ConnectionId;
use crate::push::Push;
use crate::survey::{Survey, SurveyCall};

/// One thing to do.
pub(crate) enum Effect {
    Send { to: ConnectionId, push: Push },
    Broadcast { to: Vec<ConnectionId>, push: Push },
    Close { to: ConnectionId, cause: Cause },
    SetDebug { to: ConnectionId, on: bool },
    LoggedIn { id: ConnectionId, role_id: u64 },
    LoggedOut { id: ConnectionId, role_id: u64 },
    Survey(SurveyCall),
}

/// A list of things to be done to connections once the current call has returned, in order. One
/// that names a connection that has ended does nothing.
#[derive(Default)]
pub struct Effects {
    list: Vec<Effect>,
    /// Connections that were named since this was last asked for.
    cost: u32,
}

impl Effects {
    /// Sends a push to a connection. Where its outbox is full that connection's overflow policy
    /// applies, and its record counts it.
    pub fn send(&mut self, to: ConnectionId, push: Push) {
        self.add(1, Effect::Send { to, push });
    }

    /// Sends one push to many connections, which share its bytes.
    pub fn broadcast(&mut self, to: impl IntoIterator<Item = ConnectionId>, push: Push) {
        let to: Vec<_> = to.into_iter().collect();
        self.add(to.len(), Effect::Broadcast { to, push });
    }

    /// Closes a connection with a code of the application's.
    pub fn close(&mut self, to: ConnectionId, code: CloseCode) {
        self.add(1, Effect::Close { to, cause: Cause::Application(code) });
    }

    /// Closes a connection with 4010, on an operator's behalf.
    pub fn kick(&mut self, to: ConnectionId) {
        self.add(1, Effect::Close { to, cause: Cause::Operator });
    }

    /// Switches the log of each packet of a connection on or off.
    pub fn set_debug(&mut self, to: ConnectionId, on: bool) {
        self.add(1, Effect::SetDebug { to, on });
    }

    /// Looks at all connections once the current call has returned, and before anything else happens
    /// to them but the effects that were asked for earlier. A ticket can carry the findings back to
    /// the client that wants them.
    pub fn survey(&mut self, look: impl FnOnce(&Survey<'_>) + Send + 'static) {
        self.add(1, Effect::Survey(Box::new(look)));
    }

    pub(crate) fn logged_in(&mut self, id: ConnectionId, role_id: u64) {
        self.add(1, Effect::LoggedIn { id, role_id });
    }

    pub(crate) fn logged_out(&mut self, id: ConnectionId, role_id: u64) {
        self.add(1, Effect::LoggedOut { id, role_id });
    }

    fn add(&mut self, cost: usize, effect: Effect) {
        self.cost = self.cost.saturating_add(u32::try_from(cost).unwrap_or(u32::MAX));
        self.list.push(effect);
    }

    /// How many connections are affected by what was added since the last call. It counts as so much
    /// work of the connection whose handler asked for it.
    pub(crate) fn take_cost(&mut self) -> u32 {
        std::mem::take(&mut self.cost)
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.list)
    }

    pub(crate) fn put_back(&mut self, list: Vec<Effect>) {
        debug_assert!(list.is_empty());
        if self.list.is_empty() {
            self.list = list;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects").field("len", &self.list.len()).finish()
    }
}
