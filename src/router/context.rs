//! The context of a handler: what it can do with its connection.

mod confined;
mod defer;
mod login;
mod send;
mod topics;

use std::sync::Arc;

pub(crate) use confined::Confined;
pub use confined::UseHandleOrDefer;

use super::after_call::AfterCall;
use super::effects::Effects;
use super::send_buffer::SendBuffer;
use super::tools::Tools;
use crate::connection_log;
use crate::handle::{Handle, LazyAttachments, Life};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::object::{Link, Linked};
use crate::observer::Event;
use crate::record::Record;

/// A connection, as a handler sees it during one call.
///
/// Replies are sent in order. Requests of a handler for other connections are carried out after it has
/// returned.
pub struct Context<'a, Session = ()> {
    pub(crate) record: &'a mut Record,
    pub(crate) attachments: &'a mut dyn LazyAttachments,
    pub(crate) buffer: SendBuffer<'a, Session>,
    /// The Cmd and Flag of the request, which replies carry.
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
    /// Whether the handler has replied, or tried to.
    pub(crate) replied: bool,
    /// Whether there is anything in [`Tools::after_call`].
    pub(crate) leaves_more: bool,
    pub(crate) confined: Confined<'a>,
}

impl<Session> Context<'_, Session> {
    /// The connection's record.
    #[must_use]
    pub fn record(&self) -> &Record {
        self.record
    }

    /// What belongs to this connection: the session that [`Application::upgrade`] returned for it.
    ///
    /// [`Application::upgrade`]: crate::Application::upgrade
    #[must_use]
    #[expect(clippy::expect_used, reason = "no input can bring this about, and it is caught")]
    pub fn session(&self) -> &Session {
        self.buffer.tools.sessions.get(self.record.id).expect("an open connection has a session")
    }

    /// What belongs to this connection, to change it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "no input can bring this about, and it is caught")]
    pub fn session_mut(&mut self) -> &mut Session {
        self.buffer.tools.sessions.get_mut(self.record.id).expect("an open connection has a session")
    }

    /// The connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.record.id
    }

    /// The time at which this turn of the reactor began.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.buffer.tools.now
    }

    /// A handle to this connection, for use on other threads.
    #[must_use]
    pub fn handle(&mut self) -> Handle {
        let life = self.attachments.get_or_add().life.get_or_insert_with(|| Arc::new(Life::new()));
        Handle::new(self.record.id, life.clone(), self.buffer.tools.mailbox.clone())
    }

    /// Links the player's object to this connection, in place of one that was linked before.
    ///
    /// Give the [`Link`] to the object: when it is dropped, the connection closes with 4005, or with 4006 if
    /// it is dropped in a panic. `ended` is called once, on the reactor's thread, when the connection has
    /// ended, or with [`Cause::Replaced`](crate::Cause::Replaced) when another object is linked.
    pub fn link(&mut self, ended: impl FnOnce(crate::Cause) + Send + 'static) -> Link {
        let Tools { mailbox, observed, .. } = &mut *self.buffer.tools;
        let (linked, link) = Linked::new(self.record.id, mailbox.clone(), ended);
        observed.report(Event::Linked(linked.number()));
        if let Some(earlier) = self.attachments.get_or_add().linked.replace(linked) {
            self.tell_replaced(earlier);
        }
        link
    }

    /// Calls the end hook of an object that was replaced by another.
    fn tell_replaced(&mut self, earlier: Linked) {
        let Tools { log, now, observed, .. } = &mut *self.buffer.tools;
        observed.report(Event::Unlinked(earlier.number()));
        if earlier.tell(crate::Cause::Replaced).is_err() {
            connection_log::panicked(self.record, log, *now, Some(self.cmd), "object's end hook");
        }
    }

    /// The list of effects on other connections, which are applied after the handler has returned.
    pub fn effects(&mut self) -> &mut Effects {
        self.after_call().has_effects = true;
        let effects = &mut self.buffer.tools.effects;
        effects.own.begin(self.record.id);
        effects
    }

    /// What is to be done once the handler has returned.
    #[inline]
    pub(crate) fn after_call(&mut self) -> &mut AfterCall {
        self.leaves_more = true;
        &mut self.buffer.tools.after_call
    }

    /// The handler has returned: sends what it has pushed to its own connection.
    #[cold]
    pub(crate) fn send_own(&mut self) {
        if !self.buffer.tools.after_call.has_effects {
            return;
        }
        let mut pushes = self.buffer.tools.effects.own.end();
        for push in pushes.drain(..) {
            self.send_push(&push);
        }
        self.buffer.tools.effects.own.put_back(pushes);
    }
}
