//! The game's packets inside binary messages: a fixed header, then Data.
//!
//! ```text
//! to the server              DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data     (9-byte header)
//! to the client   ErrorID:16 DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data    (11-byte header)
//! ```
//!
//! Everything here works on slices and on buffers that the caller owns.

mod codec;
mod error_id;
mod header;
#[cfg_attr(not(feature = "zlib"), path = "no_zlib_stream.rs")]
mod zlib_stream;

pub(crate) use codec::RecordedCodec;
pub use codec::{Cipher, Codecs, Decode, Undecodable};
pub use error_id::ErrorId;
pub use header::{
    DataStatus, Fault, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES, Reply, Request, push_packet, push_request,
};
pub(crate) use header::{framed_len, push_packet_head};
pub(crate) use zlib_stream::ZlibStream;
