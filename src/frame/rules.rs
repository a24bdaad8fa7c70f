//! What a decoder demands of each header before it takes any payload.

use super::error::Error;
use super::header::{Header, HeaderStart, MAX_CONTROL_PAYLOAD, Opcode};

/// Fragments that a message may have whatever its length; see [`Rules::max_fragments`].
const MIN_MAX_FRAGMENTS: usize = 1024;

/// Which side of the connection decodes (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server: frames must be masked.
    Server,
    /// A client: frames must not be masked.
    Client,
}

/// What is allowed at the moment. Given at each call of
/// [`Decoder::next`](super::Decoder::next), since a login can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Which side decodes.
    pub role: Role,
    /// The longest message in bytes, its fragments summed.
    pub max_len: usize,
    /// Whether text messages are taken; if not, one ends in [`Error::Text`] at its header.
    pub text: bool,
    /// Whether messages may be compressed (permessage-deflate was agreed on): RSV1 is then allowed on
    /// the first frame of a message. Their length is limited as it is on the wire, and text is not
    /// checked: both are for whoever inflates them.
    pub deflate: bool,
}

impl Rules {
    /// The most fragments of one message: 1024 and one for each 4 bytes of
    /// [`max_len`](Self::max_len). Fragments may be empty, so their number needs a bound of its own.
    #[must_use]
    pub const fn max_fragments(&self) -> usize {
        MIN_MAX_FRAGMENTS + self.max_len / 4
    }

    /// Checks what the first two bytes of a header show. `begun` is the number of fragments that
    /// the unfinished message has, if there is one.
    #[inline]
    pub(super) fn check_start(&self, start: HeaderStart, begun: Option<usize>) -> Result<(), Error> {
        // RFC 7692 §6.1: on the first frame of a message and nowhere else.
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

    /// Checks that a message of which `so_far` bytes have come may have this frame too, and gives
    /// the frame's payload length.
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

/// RFC 6455 §5.5: never fragmented, at most 125 bytes.
fn check_control(start: HeaderStart) -> Result<(), Error> {
    if !start.fin {
        return Err(Error::FragmentedControl);
    }
    if usize::from(start.length) > MAX_CONTROL_PAYLOAD {
        return Err(Error::LongControl);
    }
    Ok(())
}
