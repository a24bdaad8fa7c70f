//! Tickets: replies that come later, from any thread.

use std::fmt;
use std::sync::Arc;

use super::awaited::{Awaited, Taken, TicketState};
use crate::id::ConnectionId;
use crate::mailbox::{Answer, Mail, Mailbox};
use crate::packet::ErrorId;

/// The right to answer one deferred request, once, from any thread.
///
/// A ticket that is dropped unanswered refuses the request with ErrorID 6, so that no client waits for ever.
/// A connection has at most [`MAX_TICKETS`](crate::config::MAX_TICKETS) of them open. Until an ordered
/// request is answered it handles no further packet, so replies keep their order; behind
/// [`unordered`](crate::Route::unordered) routes it goes on.
///
/// An answer to a connection that has ended costs nothing and has no effect. One that comes after the
/// [deadline](crate::Route::deadline) is dropped, and counted in
/// [`Totals::late_answers`](crate::Totals::late_answers). A ticket can carry a value, which is dropped when
/// the request waits no longer: see [`Context::defer_with`](crate::Context::defer_with).
#[must_use = "a ticket that is dropped refuses its request"]
pub struct Ticket<T: Send + 'static = ()> {
    right: AnswerRight,
    state: Arc<TicketState<T>>,
}

impl<T: Send + 'static> Ticket<T> {
    /// A ticket for the request number `seq` of a connection, and what the connection keeps of it.
    pub(crate) fn new(
        connection: ConnectionId,
        seq: u64,
        mailbox: Arc<Mailbox>,
        value: T,
    ) -> (Self, Arc<dyn Awaited>) {
        let state = Arc::new(TicketState::new(value));
        let awaited: Arc<dyn Awaited> = state.clone();
        let right = AnswerRight { connection, seq, awaited: awaited.clone(), mailbox: Some(mailbox) };
        (Ticket { right, state }, awaited)
    }

    /// The connection that waits for the answer.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.right.connection
    }

    /// Whether the request still waits: its connection has not begun to close, and its deadline has not
    /// passed. Work for it is in vain otherwise.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.right.awaited.is_open()
    }

    /// Takes the value that the ticket carries. `None` if it was taken before, or if the request waits no
    /// longer.
    pub fn take(&mut self) -> Option<T> {
        self.state.take()
    }

    /// Replies with `data`, under the request's Cmd and Flag. If it does not fit the outbox,
    /// [`Output::overflow`](crate::config::Output::overflow) applies; a reply that can never fit becomes a
    /// refusal with ErrorID 6.
    pub fn reply(self, data: impl Into<Vec<u8>>) {
        self.into_right().answer(Answer::Reply(data.into()));
    }

    /// Refuses the request.
    pub fn refuse(self, error_id: ErrorId) {
        self.into_right().answer(Answer::Refuse(error_id));
    }

    /// Refuses the request with Data, which tells the client more. Its route must
    /// [say so](crate::Route::refusals_carry_data): otherwise the Data is left out, and the log names the
    /// command.
    pub fn refuse_with(self, error_id: ErrorId, data: impl Into<Vec<u8>>) {
        self.into_right().answer(Answer::RefuseWith(error_id, data.into()));
    }

    /// The right to answer, which frees the value when it is used.
    pub(crate) fn into_right(self) -> AnswerRight {
        self.right
    }
}

impl<T: Send + 'static> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("connection", &self.connection()).finish_non_exhaustive()
    }
}

/// The right to answer a request, without the value of its ticket. Dropping it refuses the request.
#[derive(Debug)]
pub(crate) struct AnswerRight {
    connection: ConnectionId,
    seq: u64,
    awaited: Arc<dyn Awaited>,
    /// Taken by the answer, so that dropping an answered ticket does nothing.
    mailbox: Option<Arc<Mailbox>>,
}

impl AnswerRight {
    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Answers from another thread, if the request still waits.
    pub(crate) fn answer(mut self, answer: Answer) {
        if let Some(mailbox) = self.mailbox.take()
            && self.leave(&mailbox, answer) == Taken::Late
        {
            mailbox.count_late_answer();
        }
    }

    /// Leaves the answer with the request, and tells the reactor. The mailbox always takes that mail: there
    /// is one for each deferred request, and it has none of the Data, which goes with the connection.
    fn leave(&self, mailbox: &Mailbox, answer: Answer) -> Taken {
        let taken = self.awaited.leave_answer(answer);
        if taken == Taken::InTime {
            mailbox.post_always(Mail::Answered { to: self.connection, seq: self.seq });
        }
        taken
    }

    /// Takes the right to answer: the connection and the number of its request. None if the request waits no
    /// longer.
    pub(crate) fn into_request(mut self) -> Option<(ConnectionId, u64)> {
        let mailbox = self.mailbox.take()?;
        match self.awaited.answer() {
            Taken::InTime => return Some((self.connection, self.seq)),
            Taken::Late => mailbox.count_late_answer(),
            Taken::Ended => {}
        }
        None
    }
}

impl Drop for AnswerRight {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            // One that is dropped too late is no late answer.
            self.leave(&mailbox, Answer::Refuse(ErrorId::NOT_AVAILABLE));
        }
    }
}
