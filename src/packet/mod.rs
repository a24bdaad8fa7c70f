//! Packets of the game, inside binary messages: a fixed header, then Data.
//!
//! ```text
//! to the server              DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data     (9-byte header)
//! to the client   ErrorID:16 DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data    (11-byte header)
//! ```
//!
//! DataSize is the length of Data, or 65535 for all the rest of the message; numbers are big-endian.
//! DataStatus is the encoding of Data ([`DataStatus`]). The module sees slices and buffers of the caller,
//! never a socket or a clock.

mod codec;
mod encode;
mod error_id;
mod header;
#[cfg_attr(not(feature = "zlib"), path = "no_zlib_stream.rs")]
mod zlib_stream;

pub(crate) use codec::RecordedCodec;
pub use codec::{Cipher, Codecs, Decode, Undecodable};
pub use encode::Encode;
pub use error_id::ErrorId;
pub use header::{
    DataStatus, Fault, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES, Reply, Request, push_packet, push_request,
};
pub(crate) use header::{FRAMED_OVERHEAD_BYTES, MAX_SHORT_DATA, RequestHeader, framed_len, push_packet_head};
pub(crate) use zlib_stream::ZlibStream;
