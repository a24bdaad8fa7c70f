//! Checks whether a client may call a route.

use std::fmt;

use crate::packet::ErrorId;
use crate::record::{ClientKind, Record};

/// Says whether a client may call a route, by its connection's record and session.
pub(crate) type Predicate<Session> = fn(&Record, &Session) -> bool;

/// Who may call a route.
///
/// A client that may not gets [`ErrorId::NOT_LOGGED_IN`] before a login, and [`ErrorId::NOT_ALLOWED`] after
/// it. Either is a bad request.
#[non_exhaustive]
pub enum Access<Session = ()> {
    /// Every client.
    Anyone,
    /// Clients that are logged in.
    Role,
    /// Clients that are logged in as [`ClientKind::Operator`].
    Operator,
    /// Clients for which this function returns true; they need not be logged in.
    ///
    /// It is called for each packet of the route, and only looks. A panic in it closes the connection with
    /// 1011, as a panic of a handler does.
    If(fn(&Record, &Session) -> bool),
}

impl<Session> Access<Session> {
    /// A word for listings: `anyone`, `role`, `operator` or `predicate`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Access::Anyone => "anyone",
            Access::Role => "role",
            Access::Operator => "operator",
            Access::If(_) => "predicate",
        }
    }

    /// Checks whether a client of this kind may call a route with this access; no kind means that it is not
    /// logged in. `ask` calls a predicate.
    ///
    /// # Errors
    /// Only errors of `ask`.
    #[inline(always)]
    pub(crate) fn check<E>(
        self,
        kind: Option<ClientKind>,
        ask: impl FnOnce(Predicate<Session>) -> Result<bool, E>,
    ) -> Result<Result<(), ErrorId>, E> {
        let may_call = match self {
            Access::Anyone => true,
            Access::Role => kind.is_some(),
            Access::Operator => kind == Some(ClientKind::Operator),
            Access::If(predicate) => ask(predicate)?,
        };
        let refusal = if kind.is_some() { ErrorId::NOT_ALLOWED } else { ErrorId::NOT_LOGGED_IN };
        Ok(if may_call { Ok(()) } else { Err(refusal) })
    }
}

impl<Session> Clone for Access<Session> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Session> Copy for Access<Session> {}

impl<Session> fmt::Debug for Access<Session> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Anyone => "Anyone",
            Access::Role => "Role",
            Access::Operator => "Operator",
            Access::If(_) => "If",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ConnectionId;
    use crate::moment::Moment;
    use crate::record::{Login, Peer};

    #[test]
    fn each_kind_of_client_may_call_what_its_access_says() {
        let refused = |error_id| Err(error_id);
        let odd = Access::If(|record, session: &u8| record.role_id() == 0 || session % 2 == 1);
        let cases = [
            (Access::Anyone, None, 0, Ok(())),
            (Access::Anyone, Some(ClientKind::Guest), 0, Ok(())),
            (Access::Role, None, 0, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Role, Some(ClientKind::Guest), 0, Ok(())),
            (Access::Role, Some(ClientKind::Operator), 0, Ok(())),
            (Access::Operator, None, 0, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Operator, Some(ClientKind::Guest), 0, refused(ErrorId::NOT_ALLOWED)),
            (Access::Operator, Some(ClientKind::Player), 0, refused(ErrorId::NOT_ALLOWED)),
            (Access::Operator, Some(ClientKind::Operator), 0, Ok(())),
            (Access::If(|_, session| *session > 0), None, 0, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::If(|_, session| *session > 0), None, 1, Ok(())),
            (odd, Some(ClientKind::Operator), 2, refused(ErrorId::NOT_ALLOWED)),
            (odd, Some(ClientKind::Guest), 3, Ok(())),
            (odd, None, 2, Ok(())),
        ];
        for (access, kind, session, expected) in cases {
            let mut record = Record::new(ConnectionId::new(0, 0, 0), Peer::Local, Moment::START);
            if let Some(kind) = kind {
                let identity = crate::record::Identity { role_id: 7, ..Default::default() };
                record.log_in(Login { kind, identity, ..Login::default() });
            }
            let checked = access.check(kind, |predicate| Ok::<_, ()>(predicate(&record, &session)));
            assert_eq!(checked, Ok(expected), "{access:?} {kind:?} {session}");
        }
    }
}
