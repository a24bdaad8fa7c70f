//! Deferral: requests that are answered later.

use super::Context;
use crate::handle::{LoginTicket, Ticket};
use crate::router::deferral::Deferral;
use crate::router::error::LoginError;
use crate::router::request::Request;

impl<Session> Context<'_, Session> {
    /// Exchanges the request for a ticket, with which it can be answered later and from any thread.
    ///
    /// The next packet of this connection waits until the ticket is answered or dropped, unless the route is
    /// [unordered](crate::Route::unordered). Do not reply here as well: the client would get two answers, and
    /// the log names the command.
    pub fn defer(&mut self, request: Request<'_>) -> Ticket {
        self.defer_with(request, ())
    }

    /// Exchanges the request for a ticket that carries a value, such as memory or a place in a queue.
    ///
    /// The value is dropped as soon as the request waits no longer: when the ticket is answered, when the
    /// connection begins to close, or when the deadline of the route passes. In the last two cases that
    /// happens on the reactor's thread, so its `drop` must not block.
    pub fn defer_with<T: Send + 'static>(&mut self, request: Request<'_>, value: T) -> Ticket<T> {
        self.open_ticket(&request, value, false)
    }

    /// Exchanges the request for a ticket that can log this connection in, once the login has been checked
    /// elsewhere.
    ///
    /// Until the ticket is answered or dropped, every other login of this connection is refused with
    /// [`LoginError::UnderWay`]. The [account check](crate::config::Timers::account_check) waits for the end
    /// of the login if it comes due meanwhile.
    ///
    /// # Errors
    /// [`LoginError::UnderWay`]. The request is then to be answered like any other.
    pub fn defer_login(&mut self, request: Request<'_>) -> Result<LoginTicket, LoginError> {
        if self.attachments.is_logging_in() {
            return Err(LoginError::UnderWay);
        }
        self.attachments.get_or_add().is_logging_in = true;
        Ok(LoginTicket::new(self.open_ticket(&request, (), true)))
    }

    fn open_ticket<T: Send + 'static>(
        &mut self,
        request: &Request<'_>,
        value: T,
        is_login: bool,
    ) -> Ticket<T> {
        let Request { seq, cmd, flag, .. } = *request;
        let mailbox = self.buffer.tools.mailbox.clone();
        let (ticket, awaited) = Ticket::new(self.record.id, seq, mailbox, value);
        self.after_call().deferral = Some(Box::new(Deferral { seq, cmd, flag, is_login, awaited }));
        ticket
    }
}
