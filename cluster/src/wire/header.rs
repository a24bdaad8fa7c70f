//! The header of each payload, whose form is the same in every version.

use std::ops::Range;

use bytes::BufMut;

use super::error::WireError;
use crate::names::NodeName;

/// Where the fields are.
mod field {
    use super::Range;

    pub(super) const VERSION: usize = 0;
    pub(super) const KIND: usize = 1;
    pub(super) const CLOCK: Range<usize> = 2..10;
    pub(super) const NAME_LEN: usize = 10;
    pub(super) const NAME_BEGIN: usize = 11;
}

/// The bytes of an incarnation.
const INCARNATION_BYTES: usize = 8;

/// One start of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    /// The node's name.
    pub name: NodeName,
    /// 64 random bits of the start.
    pub incarnation: u64,
}

impl Sender {
    /// Appends the header of a message.
    pub(super) fn write_header(&self, version: u8, kind: u8, clock: u64, out: &mut impl BufMut) {
        let name = self.name.as_str();
        out.put_slice(&[version, kind]);
        out.put_u64(clock);
        // A name has at most 32 bytes.
        out.put_u8(name.len() as u8);
        out.put_slice(name.as_bytes());
        out.put_u64(self.incarnation);
    }
}

/// The header: version:8, kind:8, clock:64, length of the name:8, the name, incarnation:64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the format that the body is in.
    pub version: u8,
    /// What the body is.
    pub kind: u8,
    /// The sender's clock when it made the message: see [`Clock`](crate::Clock).
    pub clock: u64,
    /// Who sent it.
    pub sender: Sender,
}

impl Header {
    /// The bytes that it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        field::NAME_BEGIN + self.sender.name.as_str().len() + INCARNATION_BYTES
    }

    /// False: no header is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends it.
    pub fn write(&self, out: &mut impl BufMut) {
        self.sender.write_header(self.version, self.kind, self.clock, out);
    }

    /// Reads it from the beginning of a payload.
    ///
    /// # Errors
    /// [`WireError::Short`] and [`WireError::Name`].
    pub fn read(payload: &[u8]) -> Result<Self, WireError> {
        let byte = |at: usize| payload.get(at).copied().ok_or(WireError::Short);
        let long = |range: Range<usize>| {
            let bytes = payload.get(range).and_then(|bytes| bytes.first_chunk());
            bytes.map(|bytes| u64::from_be_bytes(*bytes)).ok_or(WireError::Short)
        };
        let name_end = field::NAME_BEGIN + usize::from(byte(field::NAME_LEN)?);
        let name = payload.get(field::NAME_BEGIN..name_end).ok_or(WireError::Short)?;
        let name = std::str::from_utf8(name).map_err(|_| WireError::Name)?;
        Ok(Header {
            version: byte(field::VERSION)?,
            kind: byte(field::KIND)?,
            clock: long(field::CLOCK)?,
            sender: Sender {
                name: NodeName::new(name).map_err(|_| WireError::Name)?,
                incarnation: long(name_end..name_end + INCARNATION_BYTES)?,
            },
        })
    }
}
