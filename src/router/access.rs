//! Checks whether a client may call a route.

use crate::packet::ErrorId;
use crate::record::{ClientKind, Record};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Every client.
    Anyone,
    /// Clients that are logged in.
    Role,
    /// Clients that are logged in as [`ClientKind::Operator`].
    Operator,
}

impl Access {
    /// Checks whether a connection may call a route with this access.
    ///
    /// # Errors
    /// The ErrorID of the refusal: [`ErrorId::NOT_LOGGED_IN`] before a login, [`ErrorId::NOT_ALLOWED`] for
    /// the wrong kind of client.
    pub fn check(self, record: &Record) -> Result<(), ErrorId> {
        match (self, record.is_logged_in(), record.kind()) {
            (Access::Anyone, _, _)
            | (Access::Role, true, _)
            | (Access::Operator, true, ClientKind::Operator) => Ok(()),
            (Access::Role | Access::Operator, false, _) => Err(ErrorId::NOT_LOGGED_IN),
            (Access::Operator, true, ClientKind::Guest | ClientKind::Player) => Err(ErrorId::NOT_ALLOWED),
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
            (Access::Anyone, Some(ClientKind::Guest), Ok(())),
            (Access::Role, None, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Role, Some(ClientKind::Guest), Ok(())),
            (Access::Role, Some(ClientKind::Operator), Ok(())),
            (Access::Operator, None, refused(ErrorId::NOT_LOGGED_IN)),
            (Access::Operator, Some(ClientKind::Guest), refused(ErrorId::NOT_ALLOWED)),
            (Access::Operator, Some(ClientKind::Player), refused(ErrorId::NOT_ALLOWED)),
            (Access::Operator, Some(ClientKind::Operator), Ok(())),
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
