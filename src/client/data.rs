//! The Data of packets from the server, decoded by its DataStatus.

use super::error::ClientError;
use crate::config::MAX_LEN;
use crate::inflate::{Format, Inflater, Slice};
use crate::packet::DataStatus;

/// Decodes Data. Empty Data is never decoded.
pub(super) fn decode(status: u8, data: &[u8]) -> Result<Vec<u8>, ClientError> {
    match DataStatus::from_byte(status) {
        _ if data.is_empty() => Ok(Vec::new()),
        Some(DataStatus::Raw) => Ok(data.to_vec()),
        Some(DataStatus::Compressed) => inflate(data),
        Some(DataStatus::Encrypted) | None => Err(ClientError::Protocol),
    }
}

/// Inflates a zlib stream, to as many bytes as a message may have. Without a feature for compression nothing
/// inflates.
fn inflate(data: &[u8]) -> Result<Vec<u8>, ClientError> {
    let (mut inflater, mut taken, mut out) = (Inflater::new(), 0, Vec::new());
    inflater.begin(Format::Zlib, &[]);
    loop {
        match inflater.slice(data, &mut taken, &mut out, &[], MAX_LEN) {
            Ok(Slice::Done) => return Ok(out),
            Ok(Slice::Unfinished) => {}
            Err(_) => return Err(ClientError::Protocol),
        }
    }
}
