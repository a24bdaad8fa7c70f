//! The ErrorIDs with which handlers refuse when a call of theirs fails: `?` turns errors into these.

use super::error::LoginError;
use crate::mailbox::MailboxError;
use crate::packet::ErrorId;
use crate::topics::{PublishError, SubscribeError};

impl From<SubscribeError> for ErrorId {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::TooManyForConnection => ErrorId::NOT_ALLOWED,
            SubscribeError::TooMany => ErrorId::NOT_AVAILABLE,
        }
    }
}

impl From<PublishError> for ErrorId {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooMany | PublishError::TooMuchData | PublishError::MailboxFull => {
                ErrorId::NOT_AVAILABLE
            }
        }
    }
}

impl From<MailboxError> for ErrorId {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Full | MailboxError::Closed => ErrorId::NOT_AVAILABLE,
        }
    }
}

impl From<LoginError> for ErrorId {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::NoRole | LoginError::UnderWay => ErrorId::LOGIN_REFUSED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_handler_s_calls_have_error_ids() {
        for (error_id, expected) in [
            (SubscribeError::TooManyForConnection.into(), ErrorId::NOT_ALLOWED),
            (SubscribeError::TooMany.into(), ErrorId::NOT_AVAILABLE),
            (PublishError::TooMany.into(), ErrorId::NOT_AVAILABLE),
            (PublishError::TooMuchData.into(), ErrorId::NOT_AVAILABLE),
            (MailboxError::Full.into(), ErrorId::NOT_AVAILABLE),
            (LoginError::UnderWay.into(), ErrorId::LOGIN_REFUSED),
        ] {
            let error_id: ErrorId = error_id;
            assert_eq!(error_id, expected);
        }
    }
}
