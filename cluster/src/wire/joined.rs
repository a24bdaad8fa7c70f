//! Joins publishes to one topic that leave together: as one message they cost the bus little more than one.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::header::Header;
use super::message::Kind;

/// The most bytes of a payload of several publishes.
const MAX_JOINED_BYTES: usize = 32 * 1024;
/// The first byte of a topic that is a number: its field and type. 8 bytes follow.
const ID: u8 = 0x09;
/// The same of one that is a name. Its length follows, in one byte, and then the name.
const NAME: u8 = 0x12;
/// The field of each push in a [`Publishes`](super::Publishes).
const PUSHES: u32 = 3;

/// Publishes as one payload.
#[derive(Clone, Debug)]
pub struct Joined {
    payload: Vec<u8>,
    /// The bytes of header and topic.
    front: usize,
    /// Where the topic begins.
    topic: usize,
    count: u64,
    max_bytes: usize,
}

impl Joined {
    /// Begins with the payload of a [`Publish`](super::Publish). The whole gets no longer than `max_bytes`.
    /// `None`: it is another message.
    #[must_use]
    pub fn begin(first: &[u8], max_bytes: usize) -> Option<Self> {
        let topic = Header::len_of(first, Kind::Publish as u8)?;
        let front = topic + topic_bytes(first.get(topic..)?)?;
        let mut payload = Vec::with_capacity(first.len() * 4);
        payload.extend_from_slice(first.get(..front)?);
        Header::set_kind(&mut payload, Kind::Publishes as u8);
        let max_bytes = max_bytes.min(MAX_JOINED_BYTES);
        let mut joined = Joined { payload, front, topic, count: 0, max_bytes };
        joined.push(first.get(front..)?).then_some(joined)
    }

    /// Adds a publish of the same node. False if it goes to another topic, or makes the whole too long.
    pub fn add(&mut self, next: &[u8]) -> bool {
        let topic = self.topic..self.front;
        let is_publish = Header::len_of(next, Kind::Publish as u8) == Some(self.topic);
        if !is_publish || next.get(topic.clone()) != self.payload.get(topic) {
            return false;
        }
        next.get(self.front..).is_some_and(|push| self.push(push))
    }

    fn push(&mut self, push: &[u8]) -> bool {
        /// The most bytes in front of a push: its field, and its length.
        const FRONT_BYTES: usize = 6;
        if self.payload.len() + FRONT_BYTES + push.len() > self.max_bytes {
            return false;
        }
        encode_key(PUSHES, WireType::LengthDelimited, &mut self.payload);
        encode_varint(push.len() as u64, &mut self.payload);
        self.payload.extend_from_slice(push);
        self.count += 1;
        true
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The payload: the same bytes as [`write`](super::write) makes of a [`Publishes`](super::Publishes),
    /// with the clock of the first.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

/// The bytes of the topic that a body begins with, as [`PublishWriter`](super::PublishWriter) writes it.
fn topic_bytes(body: &[u8]) -> Option<usize> {
    match *body {
        [ID, ..] => Some(9),
        [NAME, len @ 0..0x80, ..] => Some(2 + usize::from(len)),
        _ => None,
    }
}
