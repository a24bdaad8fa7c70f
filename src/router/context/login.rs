//! Logins and logouts: the role that a connection holds.

use super::Context;
use crate::connection_log;
use crate::id::ConnectionId;
use crate::metrics::LoginResult;
use crate::packet::ErrorId;
use crate::record::Login;
use crate::router::error::{LoginError, SendError};
use crate::router::outcome::Outcome;
use crate::router::tools::Tools;

impl<Session> Context<'_, Session> {
    /// Logs the connection in with a role.
    ///
    /// Another connection that holds the role, on any worker, closes with 4007; this one takes over its
    /// topics if [`Login::take_topics`] says so. If this connection holds another role, it is logged out
    /// first.
    ///
    /// # Errors
    /// [`LoginError::NoRole`] if `role_id` is 0, [`LoginError::UnderWay`] while a
    /// [`LoginTicket`](crate::LoginTicket) of this connection is open. Nothing has changed in either case.
    pub fn login(&mut self, login: Login) -> Result<(), LoginError> {
        let role_id = login.identity.role_id;
        if role_id == 0 {
            return Err(LoginError::NoRole);
        }
        if self.attachments.is_logging_in() {
            return Err(LoginError::UnderWay);
        }
        // A login with the role that the record already has does not take it back from a newer connection.
        if self.record.role_id() != role_id {
            self.logout();
            let Tools { roles, effects, .. } = &mut *self.buffer.tools;
            if let Some(older) = roles.enter(self.record.id, role_id) {
                effects.replace(older, login.take_topics.then_some(self.record.id));
            }
        }
        let Tools { log, now, effects, .. } = &mut *self.buffer.tools;
        connection_log::logged_in(self.record, log, *now, &login);
        self.record.log_in(login);
        effects.charge(1);
        self.buffer.tools.meter.login(LoginResult::Accepted);
        self.after_call().logged_in = true;
        Ok(())
    }

    /// Replies to a deferred login, and logs the connection in if the reply is sent: a client that does not
    /// learn of a login would not use it, and an older connection would be closed for it.
    #[cold]
    pub(crate) fn reply_and_log_in(&mut self, login: Login, data: &[u8]) -> Outcome {
        match self.try_reply(data) {
            Ok(()) => {
                // Nothing can refuse it: the role was checked, and no other login is under way.
                let _ = self.login(login);
                Outcome::Done
            }
            Err(SendError::TooLarge { .. }) => Outcome::Refuse(ErrorId::NOT_AVAILABLE),
            // The overflow policy applies.
            Err(_) => Outcome::Done,
        }
    }

    /// Refuses a login: logs the reason, and returns the [`Outcome`] that answers the client with ErrorID 7.
    ///
    /// `account` and `role_id` are the client's claims. `reason` goes to the log only; it must contain no
    /// secret.
    pub fn refuse_login(&mut self, account: &str, role_id: u64, reason: &str) -> Outcome {
        let Tools { log, now, meter, .. } = &mut *self.buffer.tools;
        meter.login(LoginResult::Refused);
        connection_log::login_refused(self.record, log, *now, account, role_id, reason);
        Outcome::Refuse(ErrorId::LOGIN_REFUSED)
    }

    /// The connection that holds a role, on any worker: a login with the role would replace it.
    #[must_use]
    pub fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.buffer.tools.roles.player(role_id)
    }

    /// Logs the connection out, if it is logged in. Its time for a login starts again.
    pub fn logout(&mut self) {
        if let Some(role_id) = self.record.log_out() {
            let Tools { roles, effects, .. } = &mut *self.buffer.tools;
            roles.leave(self.record.id, role_id);
            effects.charge(1);
        }
    }
}
