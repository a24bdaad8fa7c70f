//! Publishes to send: written from what the caller has, into memory that their payloads share.
//!
//! A `Message` and an allocation for each would be most of what a publish costs its worker.

use bytes::{Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, fixed64, uint32};

use super::header::{Header, Sender};
use super::message::{Kind, VERSION};
use crate::topic::TopicRef;

/// The memory that payloads share. It is used again once none of them is left.
const SHARED_BYTES: usize = 65_536;
/// A longer payload has memory of its own.
const MAX_SHARED_PAYLOAD_BYTES: usize = SHARED_BYTES / 16;

/// Writes the publishes of a node.
#[derive(Debug)]
pub struct PublishWriter {
    header: Header,
    /// What is before the Data of the last one.
    before_data: Vec<u8>,
    shared: BytesMut,
}

impl PublishWriter {
    /// A writer of this node's publishes.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        let header = Header { version: VERSION, kind: Kind::Publish as u8, clock: 0, sender };
        PublishWriter { header, before_data: vec![], shared: BytesMut::with_capacity(SHARED_BYTES) }
    }

    /// Writes one: the same bytes as [`write`](super::write) for a [`Publish`](super::Publish).
    #[must_use]
    pub fn write(&mut self, clock: u64, topic: TopicRef<'_>, cmd: u16, data: &[u8]) -> Bytes {
        self.header.clock = clock;
        let before = &mut self.before_data;
        before.clear();
        self.header.write(before);
        match topic {
            TopicRef::Id(id) => fixed64::encode(1, &id, before),
            TopicRef::Name(name) => {
                write_len(2, name.len(), before);
                before.extend_from_slice(name.as_bytes());
            }
        }
        if cmd != 0 {
            uint32::encode(3, &cmd.into(), before);
        }
        if !data.is_empty() {
            write_len(4, data.len(), before);
        }
        let len = before.len() + data.len();
        let mut own = BytesMut::new();
        let out = if len > MAX_SHARED_PAYLOAD_BYTES { &mut own } else { &mut self.shared };
        out.reserve(len);
        out.extend_from_slice(before);
        out.extend_from_slice(data);
        out.split().freeze()
    }
}

fn write_len(tag: u32, len: usize, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}
