//! Tickets: replies that come later, from any thread.

use std::sync::Arc;

use crate::id::ConnectionId;
use crate::mailbox::{Answer, Mail, Mailbox};
use crate::packet::ErrorId;

/// The right to answer one deferred request, once, from any thread.
///
/// Until it is answered the connection handles no further packet, so replies keep their order. A ticket that
/// is dropped unanswered refuses the request with ErrorID 6, so that no client waits for ever.
///
/// An answer to a connection that has ended has no effect. An application that keeps tickets should drop
/// them, and the work for them, when [`Application::closed`](crate::Application::closed) names their
/// [`connection`](Self::connection): otherwise clients that have left hold memory.
#[derive(Debug)]
#[must_use = "a ticket that is dropped refuses its request"]
pub struct Ticket {
    connection: ConnectionId,
    deferral: u64,
    /// Taken by the answer, so that dropping an answered ticket does nothing.
    mailbox: Option<Arc<Mailbox>>,
}

impl Ticket {
    pub(crate) fn new(connection: ConnectionId, deferral: u64, mailbox: Arc<Mailbox>) -> Self {
        Ticket { connection, deferral, mailbox: Some(mailbox) }
    }

    /// The connection that waits for the answer.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Replies with `data`, under the request's Cmd and Flag. If it does not fit the outbox,
    /// [`Output::overflow`](crate::config::Output::overflow) applies.
    pub fn reply(mut self, data: impl Into<Vec<u8>>) {
        self.answer(Answer::Reply(data.into()));
    }

    /// Refuses the request.
    pub fn refuse(mut self, error_id: ErrorId) {
        self.answer(Answer::Refuse(error_id));
    }

    /// Takes the right to answer from the ticket: the connection and the number of its deferred request.
    pub(crate) fn into_deferral(mut self) -> (ConnectionId, u64) {
        self.mailbox = None;
        (self.connection, self.deferral)
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(mailbox) = self.mailbox.take() {
            // The mailbox always takes it: a connection has at most one ticket at a time.
            mailbox.post_always(Mail::Answer { to: self.connection, deferral: self.deferral, answer });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answer(Answer::Refuse(ErrorId::NOT_AVAILABLE));
    }
}
