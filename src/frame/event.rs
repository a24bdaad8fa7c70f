//! The events that the decoder returns: messages and control frames.

use super::close::CloseFrame;
use super::message::MessageKind;
use super::opcode::Opcode;

/// A message or control frame from the peer: complete, unmasked and checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message, with its fragments joined.
    Message {
        /// Text or binary. The payload of a text message is valid UTF-8, unless it is compressed.
        kind: MessageKind,
        /// Whether the payload is compressed (RFC 7692); only if [`Rules::deflate`](super::Rules::deflate)
        /// allows it.
        compressed: bool,
        /// At most [`Rules::max_len`](super::Rules::max_len) bytes. The receiver may overwrite them.
        payload: &'a mut [u8],
    },
    /// A Ping: answer it with a Pong of the same payload, at most 125 bytes.
    Ping(&'a [u8]),
    /// A Pong: the answer to a Ping, or an unsolicited sign of life.
    Pong(&'a [u8]),
    /// A Close, after which the peer must send no more frames. The decoder does not enforce that.
    Close(Option<CloseFrame<'a>>),
}

/// An [`Event`] without its payload.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Message { kind: MessageKind, compressed: bool },
    Ping,
    Pong,
    Close,
}

impl Subject {
    /// The subject of an unfragmented frame; `None` for a continuation.
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

/// An event whose payload is complete.
pub(super) struct Ready<'i> {
    pub(super) subject: Subject,
    /// The payload, if it lies in the input; otherwise the decoder holds it.
    pub(super) in_place: Option<&'i mut [u8]>,
}
