//! WebSocket framing (RFC 6455 §5): bytes to messages and control frames, and back.
//!
//! The codec is sans-IO: it sees slices and buffers of the caller, never a socket, a clock or a log. It can
//! be used without the rest of the crate.
//!
//! - To receive: a [`Decoder`] consumes bytes as they arrive and returns one [`Event`] at a time, under
//!   [`Rules`] that may change from call to call. A frame that lies whole in the input is unmasked and
//!   delivered in place.
//! - To send: [`push_frame`], [`push_close`] and [`push_masked_frame`] append frames to a buffer.
//!
//! ```text
//! bytes ─▶ header ─▶ rules ─▶ mask ─▶ message ─▶ Event          (decoder)
//! bytes ◀─ header ◀────────── mask ◀──────────── payload        (push, close)
//! ```

mod boundary;
mod close;
mod close_code;
mod decoder;
mod error;
mod event;
mod header;
mod mask;
mod message;
mod opcode;
mod push;
mod rules;
mod skipper;
mod utf8;

#[cfg(test)]
mod tests;

pub use boundary::boundary_at_or_after;
pub use close::{CloseFrame, MAX_REASON_BYTES, parse_close, push_close};
pub use close_code::CloseCode;
pub use decoder::Decoder;
pub(crate) use decoder::{MAX_SHORT_MESSAGE, ShortMessage, begins_short_message};
pub use error::Error;
pub use event::Event;
pub use header::{EncodedHeader, Header, MAX_CONTROL_PAYLOAD, MAX_HEADER_BYTES};
pub use mask::{apply_mask, rotate_key};
pub use message::MessageKind;
pub use opcode::Opcode;
pub(crate) use opcode::begins_pong;
pub(crate) use push::{
    MAX_SERVER_HEADER_BYTES, SHORT_HEADER_BYTES, push_header, server_header_bytes, short_header,
};
pub use push::{push_frame, push_masked_frame, server_header};
pub use rules::{Role, Rules};
pub(crate) use skipper::{Found, Skipper};
pub use utf8::Utf8Validator;
