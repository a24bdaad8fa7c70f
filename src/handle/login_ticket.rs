//! Tickets for logins that are decided later: by a database or by another service.

use super::ticket::{AnswerRight, Ticket};
use crate::id::ConnectionId;
use crate::mailbox::{Answer, RefusedLogin};
use crate::packet::ErrorId;
use crate::record::Login;
use crate::router::LoginError;

/// The right to answer one deferred request and to log its connection in, in one step and from any thread.
///
/// While it is open, every other login of its connection is refused. If the [account
/// check](crate::config::Timers::account_check) comes due meanwhile, the connection closes with 4004 as soon
/// as this login has failed. A ticket that is dropped refuses the request with ErrorID 6.
#[derive(Debug)]
#[must_use = "a ticket that is dropped refuses its request"]
pub struct LoginTicket(Ticket);

impl LoginTicket {
    pub(crate) fn new(ticket: Ticket) -> Self {
        LoginTicket(ticket)
    }

    /// The connection that waits for the answer.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.0.connection()
    }

    /// Whether the request still waits, as for a [`Ticket`].
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Logs the connection in and replies with `data`, in one step: the role is entered, and an older
    /// connection that holds it is replaced. Has no effect if the request waits no longer.
    ///
    /// A client does not learn of a login whose reply cannot be sent, so that login does not count. If the
    /// reply can never fit the outbox, the request is refused with ErrorID 6 and the log says so; if it does
    /// not fit now, [`Output::overflow`](crate::config::Output::overflow) applies.
    ///
    /// # Errors
    /// [`LoginError::NoRole`] if `role_id` is 0. The request is refused with ErrorID 6 in that case.
    pub fn login(self, login: Login, data: impl Into<Vec<u8>>) -> Result<(), LoginError> {
        let (right, answer) = self.into_answer(login, data)?;
        right.answer(answer);
        Ok(())
    }

    /// The right to answer, and the login as an answer.
    pub(crate) fn into_answer(
        self,
        login: Login,
        data: impl Into<Vec<u8>>,
    ) -> Result<(AnswerRight, Answer), LoginError> {
        if login.identity.role_id == 0 {
            return Err(LoginError::NoRole);
        }
        Ok((self.0.into_right(), Answer::Login(Box::new(login), data.into())))
    }

    /// Refuses the login and its request with ErrorID 7, and has the log say why.
    ///
    /// `account` and `role_id` are the client's claims. `reason` goes to the log only; it must contain no
    /// secret.
    pub fn refuse_login(self, account: &str, role_id: u64, reason: &str) {
        let refused = RefusedLogin { account: account.to_owned(), role_id, reason: reason.to_owned() };
        self.0.into_right().answer(Answer::RefuseLogin(Box::new(refused)));
    }

    /// Refuses the login and its request.
    pub fn refuse(self, error_id: ErrorId) {
        self.0.refuse(error_id);
    }

    /// Refuses the login and its request with Data, as [`Ticket::refuse_with`] does.
    pub fn refuse_with(self, error_id: ErrorId, data: impl Into<Vec<u8>>) {
        self.0.refuse_with(error_id, data);
    }
}
