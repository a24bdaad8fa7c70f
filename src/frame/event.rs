//! What a decoder gives out.

use super::close::CloseFrame;
use super::header::Opcode;
use super::message::MessageKind;

/// One thing that a peer sent, whole, unmasked and checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message, its fragments joined.
    Message {
        /// What it carries; the payload of [`MessageKind::Text`] is UTF-8, unless it is compressed.
        kind: MessageKind,
        /// The payload is compressed (RFC 7692), which only happens where
        /// [`Rules::deflate`](super::Rules::deflate) allows it.
        compressed: bool,
        /// At most [`Rules::max_len`](super::Rules::max_len) bytes, the receiver's to overwrite.
        payload: &'a mut [u8],
    },
    /// To be answered by a Pong with the same payload, of at most 125 bytes.
    Ping(&'a [u8]),
    /// The answer to a Ping, or a sign of life.
    Pong(&'a [u8]),
    /// The peer sends no frame after this one. The decoder does not hold it to that.
    Close(Option<CloseFrame<'a>>),
}

/// What an event is about.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Message { kind: MessageKind, compressed: bool },
    Ping,
    Pong,
    Close,
}

impl Subject {
    /// What a frame that stands alone is about; a continuation cannot say.
    #[inline]
    pub(super) fn of(opcode: Opcode, compressed: bool) -> Option<Subject> {
        match opcode {
            Opcode::Text => Some(Subject::Message { kind: MessageKind::Text, compressed }),
            Opcode::Binary => Some(Subject::Message { kind: MessageKind::Binary, compressed }),
            Opcode::Ping => Some(Subject::Ping),
            Opcode::Pong => Some(Subject::Pong),
            Opcode::Close => Some(Subject::Close),
            Opcode::Continuation => None,
        }
    }
}

/// What is ready to be given out.
pub(super) struct Ready<'i> {
    pub(super) subject: Subject,
    /// The payload, if it lies in the input; else the decoder holds it.
    pub(super) in_place: Option<&'i mut [u8]>,
}
