//! What a peer can do wrong, and the close code that tells it so.

use std::fmt;

use super::close::CloseCode;

/// The rule that a peer's frame violates. The connection cannot go on: frames after it have no
/// known beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    // In the order of their numbers in recordings: new ones go to the end, and into `ALL`.
    /// A frame to a server is not masked (RFC 6455 §5.1).
    UnmaskedFrame,
    /// A frame to a client is masked (RFC 6455 §5.1).
    MaskedFrame,
    /// A reserved bit is set that no extension gives a meaning (RFC 6455 §5.2).
    ReservedBits,
    /// The opcode is 3 to 7 or 11 to 15 (RFC 6455 §5.2).
    ReservedOpcode,
    /// A control frame is not final (RFC 6455 §5.5).
    FragmentedControl,
    /// A control frame announces more than 125 bytes, or writes its length in a longer form
    /// (RFC 6455 §5.5).
    LongControl,
    /// The length would fit a shorter form (RFC 6455 §5.2).
    NonMinimalLength,
    /// The top bit of a 64-bit length is set (RFC 6455 §5.2).
    LengthTopBit,
    /// A continuation frame without a message to continue (RFC 6455 §5.4).
    UnexpectedContinuation,
    /// A text or binary frame before the last fragment of the message before it (RFC 6455 §5.4).
    ExpectedContinuation,
    /// The payload of a Close frame is 1 byte long (RFC 6455 §5.5.1).
    BadCloseLength,
    /// A Close frame carries a code that must not be sent (RFC 6455 §7.4).
    BadCloseCode,
    /// Text, or the reason of a Close frame, is not UTF-8 (RFC 6455 §8.1).
    BadUtf8,
    /// The message would be longer than [`Rules::max_len`](super::Rules::max_len).
    TooBig,
    /// The message has more fragments than [`Rules::max_fragments`](super::Rules::max_fragments).
    TooManyFragments,
    /// A compressed message is not what a compressor makes (RFC 7692 §7.2.2).
    BadDeflate,
    /// A text frame where only binary ones are taken ([`Rules::text`](super::Rules::text)).
    Text,
}

impl Error {
    /// All of them, each at the place that is its number in recordings.
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

    /// The code of the Close frame that answers this violation.
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

    /// What the peer did, in a few words that fit a Close frame.
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
    fn each_has_words_of_its_own_that_fit_a_close_frame() {
        let texts: BTreeSet<String> = Error::ALL.iter().map(Error::to_string).collect();
        assert_eq!(texts.len(), Error::ALL.len());
        assert!(texts.iter().all(|text| !text.is_empty() && text.len() <= MAX_CONTROL_PAYLOAD - 2));
    }
}
