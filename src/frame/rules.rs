//! The rules that each header must obey, checked before any payload is read (RFC 6455 §5).

use super::error::Error;
use super::header::{Header, HeaderStart, MAX_CONTROL_PAYLOAD};
use super::opcode::Opcode;

/// The number of fragments that a message of any length may have; see [`Rules::max_fragments`].
const MIN_MAX_FRAGMENTS: usize = 1024;

/// The side of the connection that decodes (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server: frames must be masked.
    Server,
    /// A client: frames must not be masked.
    Client,
}

/// The rules for frames of the peer.
///
/// Passed to each call of [`Decoder::next`](super::Decoder::next), since it can change, for instance by a
/// login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The side that decodes.
    pub role: Role,
    /// The longest message in bytes, all its fragments together. A longer one is [`Error::TooBig`] as soon as
    /// a header shows it.
    pub max_len: usize,
    /// Whether text messages are accepted. If not, the header of one is [`Error::Text`].
    pub text: bool,
    /// Whether messages may be compressed (permessage-deflate was negotiated): RSV1 is then allowed on the
    /// first frame of a message. `max_len` limits the compressed length, and compressed text is not checked
    /// for UTF-8: the caller checks both when it inflates.
    pub deflate: bool,
}

impl Rules {
    /// The most fragments that a message may have: 1024, and one for each 4 bytes of
    /// [`max_len`](Self::max_len).
    ///
    /// Fragments may be empty, so `max_len` does not bound their number.
    #[must_use]
    pub const fn max_fragments(&self) -> usize {
        MIN_MAX_FRAGMENTS + self.max_len / 4
    }

    /// Checks the first two bytes of a header. `begun` is the number of fragments of the unfinished message;
    /// `None` if there is no such message.
    #[inline]
    pub(super) fn check_start(&self, start: HeaderStart, begun: Option<usize>) -> Result<(), Error> {
        // RFC 7692 §6.1: RSV1 may be set on the first frame of a message only.
        let may_be_compressed = self.deflate && matches!(start.opcode, Opcode::Text | Opcode::Binary);
        if start.rsv1 && !may_be_compressed {
            return Err(Error::ReservedBits);
        }
        match (self.role, start.masked) {
            (Role::Server, true) | (Role::Client, false) => {}
            (Role::Server, false) => return Err(Error::UnmaskedFrame),
            (Role::Client, true) => return Err(Error::MaskedFrame),
        }
        match (start.opcode, begun) {
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => check_control(start),
            (Opcode::Continuation, None) => Err(Error::UnexpectedContinuation),
            (Opcode::Continuation, Some(fragments)) if fragments >= self.max_fragments() => {
                Err(Error::TooManyFragments)
            }
            (Opcode::Continuation, Some(_)) => Ok(()),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Error::ExpectedContinuation),
            (Opcode::Text, None) if !self.text => Err(Error::Text),
            (Opcode::Text | Opcode::Binary, None) => Ok(()),
        }
    }

    /// Checks the length of the message with this frame added; `so_far` is its length without it. Returns the
    /// payload length of the frame.
    #[inline]
    pub(super) fn check_length(&self, header: &Header, so_far: usize) -> Result<usize, Error> {
        let length = usize::try_from(header.payload_len).map_err(|_| Error::TooBig)?;
        if header.opcode.is_control() {
            return Ok(length);
        }
        match so_far.checked_add(length) {
            Some(sum) if sum <= self.max_len => Ok(length),
            Some(_) | None => Err(Error::TooBig),
        }
    }
}

/// Checks the rules of control frames: not fragmented, at most 125 bytes (RFC 6455 §5.5).
fn check_control(start: HeaderStart) -> Result<(), Error> {
    if !start.fin {
        return Err(Error::FragmentedControl);
    }
    if usize::from(start.length) > MAX_CONTROL_PAYLOAD {
        return Err(Error::LongControl);
    }
    Ok(())
}
