//! The values of labels. Each family has a fixed list of them; clients cannot add any.

use crate::packet::ErrorId;
use crate::record::ClientKind;

/// Enums whose variants are label values.
macro_rules! labels {
    ($(
        $(#[$of_enum:meta])*
        $name:ident { $($(#[$of_variant:meta])* $variant:ident = $label:literal,)* }
    )*) => {$(
        $(#[$of_enum])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$of_variant])* $variant,)* }

        impl $name {
            /// The label of each variant, in their order.
            pub(crate) const NAMES: [&'static str; [$($label),*].len()] = [$($label),*];
        }
    )*};
}

labels! {
    /// How far a connection is.
    State {
        /// Before its upgrade.
        Upgrading = "upgrading",
        Open = "open",
        /// Its Close frame, or its refusal, is on its way.
        Closing = "closing",
    }

    /// What came of a login.
    LoginResult { Accepted = "accepted", Refused = "refused", }

    /// What a packet to the client is.
    SentKind {
        /// The answer to a request; also a message of a service without packets.
        Reply = "reply",
        Push = "push",
        Refusal = "refusal",
    }

    /// Where bytes are counted.
    Layer {
        /// What the socket carries, TLS included.
        Socket = "socket",
        /// HTTP and frames, without TLS.
        Plaintext = "plaintext",
        /// Messages: packets with their headers, after inflating and before deflating.
        Payload = "payload",
    }

    /// What is wrong with a bad request.
    BadRequest {
        DataSize = "data_size",
        UnknownCommand = "unknown_command",
        NotLoggedIn = "not_logged_in",
        NotAllowed = "not_allowed",
    }

    /// Why a packet was not sent.
    SendError {
        /// The outbox was full, and the connection is closed for it.
        Close = "close",
        /// The outbox was full, and the packet was dropped.
        Drop = "drop",
        /// No outbox could take it.
        TooLarge = "too_large",
        /// Too much waited to be sent to many.
        FanOut = "fan_out",
        /// The mailbox of another worker was full.
        Mailbox = "mailbox",
    }

    /// A timer of a connection.
    Timer {
        Read = "read",
        ClientCheck = "client_check",
        AccountCheck = "account_check",
        Housekeeping = "housekeeping",
        Ping = "ping",
        Answer = "answer",
        Handshake = "handshake",
        Close = "close",
    }

    /// What came of a TLS handshake.
    TlsResult {
        Complete = "complete",
        /// It failed, or the connection ended before it was complete.
        Failed = "failed",
        /// The client spoke HTTP.
        Http = "http",
    }

    /// Bytes that went into the compression of messages and of Data, and bytes that came out.
    Compression {
        InflateIn = "inflate_in",
        InflateOut = "inflate_out",
        DeflateIn = "deflate_in",
        DeflateOut = "deflate_out",
    }
}

impl BadRequest {
    /// The reason for which a request is refused with this ErrorID.
    pub(crate) fn of(error_id: ErrorId) -> Self {
        match error_id {
            ErrorId::BAD_PACKET => BadRequest::DataSize,
            ErrorId::UNKNOWN_COMMAND => BadRequest::UnknownCommand,
            ErrorId::NOT_LOGGED_IN => BadRequest::NotLoggedIn,
            _ => BadRequest::NotAllowed,
        }
    }
}

/// The labels of kinds of client, in the order of [`ClientKind`](crate::ClientKind).
pub(crate) const KINDS: [&str; 3] = ClientKind::LABELS;

/// The labels of ErrorIDs: those of the library, and one for all others, which the application chooses.
pub(crate) const ERRORS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "other"];

/// The index of an ErrorID in [`ERRORS`].
pub(crate) fn error_index(error_id: ErrorId) -> usize {
    usize::from(error_id.0).wrapping_sub(1).min(ERRORS.len() - 1)
}

/// The HTTP statuses that have a count of their own, and one for all others.
pub(crate) const STATUSES: usize = 201;
const FIRST_STATUS: u16 = 400;

/// The index of an HTTP status.
pub(crate) fn status_index(status: u16) -> usize {
    usize::from(status.wrapping_sub(FIRST_STATUS)).min(STATUSES - 1)
}

/// The label of a status's index.
pub(crate) fn status_label(index: usize) -> String {
    if index + 1 < STATUSES { (index + usize::from(FIRST_STATUS)).to_string() } else { "other".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_order_of_those_of_clients() {
        for kind in [ClientKind::Guest, ClientKind::Player, ClientKind::Operator] {
            assert_eq!(KINDS[kind as usize], kind.label());
        }
    }

    #[test]
    fn errors_and_statuses_have_bounded_labels() {
        for (error_id, label) in [(1, "1"), (7, "7"), (8, "other"), (100, "other"), (0, "other")] {
            assert_eq!(ERRORS[error_index(ErrorId(error_id))], label);
        }
        for (status, label) in
            [(400, "400"), (503, "503"), (599, "599"), (600, "other"), (399, "other"), (0, "other")]
        {
            assert_eq!(status_label(status_index(status)), label);
        }
    }
}
