//! The rules of RFC 6455 that a peer can break, each with its close code and its reason text.

use std::fmt;

use super::close_code::CloseCode;

/// The rule that a frame of the peer breaks.
///
/// The connection cannot continue after it, since it is unknown where the next frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    // The order is that of the numbers in recordings: add new variants at the end, and to `ALL`.
    /// A frame to a server is not masked (RFC 6455 §5.1).
    UnmaskedFrame,
    /// A frame to a client is masked (RFC 6455 §5.1).
    MaskedFrame,
    /// A reserved bit is set, and no negotiated extension uses it (RFC 6455 §5.2).
    ReservedBits,
    /// The opcode is 3 to 7 or 11 to 15 (RFC 6455 §5.2).
    ReservedOpcode,
    /// A control frame is fragmented (RFC 6455 §5.5).
    FragmentedControl,
    /// A control frame announces more than 125 bytes, or has its length in a longer form (RFC 6455 §5.5).
    LongControl,
    /// The length is not in its shortest form (RFC 6455 §5.2).
    NonMinimalLength,
    /// The top bit of a 64-bit length is set (RFC 6455 §5.2).
    LengthTopBit,
    /// A continuation frame came, and no message has begun (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// A text or binary frame came before the last fragment of the previous message (RFC 6455 §5.4).
    ExpectedContinuation,
    /// The payload of a Close frame is 1 byte long (RFC 6455 §5.5.1).
    BadCloseLength,
    /// A Close frame carries a code that must not be sent (RFC 6455 §7.4).
    BadCloseCode,
    /// Text, or the reason of a Close frame, is not UTF-8 (RFC 6455 §8.1).
    BadUtf8,
    /// The message is longer than [`Rules::max_len`](super::Rules::max_len).
    TooBig,
    /// The message has more fragments than [`Rules::max_fragments`](super::Rules::max_fragments).
    TooManyFragments,
    /// A compressed message cannot be inflated (RFC 7692 §7.2.2).
    BadDeflate,
    /// A text frame came where only binary ones are accepted ([`Rules::text`](super::Rules::text)).
    Text,
}

impl Error {
    /// All variants; the index of each is its number in recordings.
    pub(crate) const ALL: [Error; 17] = [
        Error::UnmaskedFrame,
        Error::MaskedFrame,
        Error::ReservedBits,
        Error::ReservedOpcode,
        Error::FragmentedControl,
        Error::LongControl,
        Error::NonMinimalLength,
        Error::LengthTopBit,
        Error::UnexpectedContinuation,
        Error::ExpectedContinuation,
        Error::BadCloseLength,
        Error::BadCloseCode,
        Error::BadUtf8,
        Error::TooBig,
        Error::TooManyFragments,
        Error::BadDeflate,
        Error::Text,
    ];

    /// The code of the Close frame that reports this violation to the peer.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Error::UnmaskedFrame
            | Error::MaskedFrame
            | Error::ReservedBits
            | Error::ReservedOpcode
            | Error::FragmentedControl
            | Error::LongControl
            | Error::NonMinimalLength
            | Error::LengthTopBit
            | Error::UnexpectedContinuation
            | Error::ExpectedContinuation
            | Error::BadCloseLength
            | Error::BadCloseCode
            | Error::BadDeflate => CloseCode::PROTOCOL_ERROR,
            Error::Text => CloseCode::NOT_BINARY,
            Error::BadUtf8 => CloseCode::BAD_UTF8,
            Error::TooBig | Error::TooManyFragments => CloseCode::TOO_BIG,
        }
    }

    /// The violation in words, short enough for the reason of a Close frame.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Error::UnmaskedFrame => "a frame to a server is not masked",
            Error::MaskedFrame => "a frame to a client is masked",
            Error::ReservedBits => "a reserved bit is set",
            Error::ReservedOpcode => "the opcode is reserved",
            Error::FragmentedControl => "a control frame is fragmented",
            Error::LongControl => "a control frame is longer than 125 bytes",
            Error::NonMinimalLength => "the length is not in its shortest form",
            Error::LengthTopBit => "the top bit of the length is set",
            Error::UnexpectedContinuation => "a continuation frame without a message",
            Error::ExpectedContinuation => "a new message before the end of the last one",
            Error::BadCloseLength => "the payload of a Close frame is 1 byte long",
            Error::BadCloseCode => "a Close frame carries a code that must not be sent",
            Error::BadUtf8 => "text is not UTF-8",
            Error::TooBig => "the message is too big",
            Error::TooManyFragments => "the message has too many fragments",
            Error::BadDeflate => "a compressed message does not inflate",
            Error::Text => "a text message where only binary ones are taken",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::frame::header::MAX_CONTROL_PAYLOAD;

    #[test]
    fn each_text_is_unique_and_fits_a_close_frame() {
        let texts: BTreeSet<String> = Error::ALL.iter().map(Error::to_string).collect();
        assert_eq!(texts.len(), Error::ALL.len());
        assert!(texts.iter().all(|text| !text.is_empty() && text.len() <= MAX_CONTROL_PAYLOAD - 2));
    }
}
