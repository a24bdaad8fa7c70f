//! Checks whether a client may call a route.

use crate::packet::ErrorId;
use crate::record::{ClientKind, Record};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Every client.
    Anyone,
    /// Clients that are logged in.
    Role,
    /// Clients that are logged in as [`ClientKind::Monitor`].
    Monitor,
}

impl Access {
    /// A word for listings: `anyone`, `role` or `monitor`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Access::Anyone => "anyone",
            Access::Role => "role",
            Access::Monitor => "monitor",
        }
    }

    /// Checks whether a connection may call a route with this access.
    ///
    /// # Errors
    /// The ErrorID of the refusal: [`ErrorId::NOT_LOGGED_IN`] before a login, [`ErrorId::NOT_ALLOWED`] for
    /// the wrong kind of client.
    pub fn check(self, record: &Record) -> Result<(), ErrorId> {
        match (self, record.is_logged_in(), record.kind()) {
            (Access::Anyone, _, _)
            | (Access::Role, true, _)
            | (Access::Monitor, true, ClientKind::Monitor) => Ok(()),
            (Access::Role | Access::Monitor, false, _) => Err(ErrorId::NOT_LOGGED_IN),
            (Access::Monitor, true, ClientKind::Tester | ClientKind::GameServer) => Err(ErrorId::NOT_ALLOWED),
        }
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
        let cases = [
            (Access::Anyone, None, Ok(())),
            (Access::Anyone, Some(ClientKind::Tester), Ok(())),
            (Access::Role, None, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Role, Some(ClientKind::Tester), Ok(())),
            (Access::Role, Some(ClientKind::Monitor), Ok(())),
            (Access::Monitor, None, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Monitor, Some(ClientKind::Tester), refused(ErrorId::NOT_ALLOWED)),
            (Access::Monitor, Some(ClientKind::GameServer), refused(ErrorId::NOT_ALLOWED)),
            (Access::Monitor, Some(ClientKind::Monitor), Ok(())),
        ];
        for (access, kind, expected) in cases {
            let mut record = Record::new(ConnectionId::new(0, 0, 0), Peer::Local, Moment::START);
            if let Some(kind) = kind {
                record.log_in(Login { kind, ..Login::default() });
            }
            assert_eq!(access.check(&record), expected, "{access:?} {kind:?}");
        }
    }
}
