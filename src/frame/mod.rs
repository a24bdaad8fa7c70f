//! RFC 6455 frames: bytes in, messages and control frames out, and back again.
//!
//! The codec is sans-IO: it sees slices and the caller's buffers, never a socket, a clock or a log.
//! A [`Decoder`] takes frames off the front of whatever bytes have arrived and gives out one
//! [`Event`] at a time; a frame that lies whole in those bytes is unmasked and delivered in place.
//! The `push_` functions append frames to the caller's buffer.
//!
//! ```text
//! bytes ─▶ header ─▶ rules ─▶ mask ─▶ message ─▶ Event          (decoder)
//! bytes ◀─ header ◀────────── mask ◀──────────── payload        (push_frame, push_close, …)
//! ```

pub mod close;
pub mod decoder;
pub mod error;
mod event;
pub mod header;
pub mod mask;
mod message;
pub mod rules;
mod skipper;
pub mod utf8;

#[cfg(test)]
mod tests;

pub use close::{CloseCode, CloseFrame, parse_close, push_close};
pub use decoder::Decoder;
pub use error::Error;
pub use event::Event;
pub use header::{
    EncodedHeader, Header, MAX_CONTROL_PAYLOAD, MAX_HEADER_BYTES, Opcode, boundary_at_or_after, push_frame,
    push_masked_frame, server_header,
};
pub(crate) use header::{begins_pong, push_short_header, server_header_bytes};
pub use mask::{apply_mask, rotate_key};
pub use message::MessageKind;
pub use rules::{Role, Rules};
pub(crate) use skipper::{Found, Skipper};
pub use utf8::Utf8Validator;
