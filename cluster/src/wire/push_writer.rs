//! Pushes to a topic on their way out: pushes in a row to one topic are written into one payload, which costs
//! the bus little more than a single push.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use prost::encoding::encoded_len_varint;

use super::header::Sender;
use super::message::{Kind, VERSION};
use crate::clock::Clock;
use crate::hash::bucket_of;
use crate::topic::TopicRef;
use crate::wire::Subject;

/// The most bytes of a payload of several pushes.
const MAX_JOINED_BYTES: usize = 32 * 1024;
/// The memory that payloads share. It is used again once none of them is left.
const SHARED_BYTES: usize = 64 * 1024;

/// A push to the subscribers of a topic, as a node gives it to its bus.
#[derive(Clone, Copy, Debug)]
pub struct TopicPush<'a> {
    /// The node.
    pub sender: &'a Sender,
    /// Its clock.
    pub clock: &'a Clock,
    /// The topic.
    pub topic: TopicRef<'a>,
    /// The push's command.
    pub cmd: u16,
    /// Its Data.
    pub data: &'a [u8],
}

impl TopicPush<'_> {
    /// The subject that it is published to.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::Topic(bucket_of(self.topic))
    }

    /// The bytes of its command and Data, with the fields around them.
    fn len(&self) -> usize {
        let cmd = if self.cmd == 0 { 0 } else { 1 + encoded_len_varint(self.cmd.into()) };
        let len = self.data.len();
        cmd + if len == 0 { 0 } else { 1 + encoded_len_varint(len as u64) + len }
    }

    /// The fields of its command, and of the length of its Data.
    fn write_front(&self, front: &mut Front) {
        if self.cmd != 0 {
            front.push(key(3, VARINT));
            front.push_varint(self.cmd.into());
        }
        if !self.data.is_empty() {
            front.push(key(4, LENGTH_DELIMITED));
            front.push_varint(self.data.len());
        }
    }
}

/// Writes pushes of one node into payloads, one after the other. The payloads share memory: an allocation for
/// each would be much of what a push costs.
#[derive(Debug, Default)]
pub struct PushWriter {
    /// The payload that is begun.
    payload: BytesMut,
    /// The pushes in it; 0 if none is begun.
    count: usize,
    /// Where the name, or the number, of its topic is.
    topic: Range<usize>,
    is_name: bool,
}

impl PushWriter {
    /// Begins a payload with its first push, at the node's clock: a [`Publishes`](super::Publishes) to which
    /// others can be added, or a [`Publish`](super::Publish) if it is long. One that was begun before and
    /// not taken is dropped.
    pub fn begin(&mut self, push: &TopicPush<'_>) {
        let is_long = push.data.len() > MAX_JOINED_BYTES;
        let kind = if is_long { Kind::Publish } else { Kind::Publishes };
        // Nobody compares its clock with others: it need only be above those before.
        let clock = push.clock.tick(0);
        let payload = &mut self.payload;
        payload.clear();
        if payload.capacity() == 0 {
            *payload = BytesMut::with_capacity(SHARED_BYTES);
        }
        push.sender.write_header(VERSION, kind as u8, clock, payload);
        let mut front = Front::default();
        let id;
        let topic: &[u8] = match push.topic {
            TopicRef::Id(number) => {
                front.push(key(1, FIXED64));
                id = number.to_le_bytes();
                &id
            }
            TopicRef::Name(name) => {
                front.push(key(2, LENGTH_DELIMITED));
                front.push_varint(name.len());
                name.as_bytes()
            }
        };
        payload.extend_from_slice(front.bytes());
        let at = payload.len();
        payload.extend_from_slice(topic);
        (self.topic, self.is_name) = (at..payload.len(), matches!(push.topic, TopicRef::Name(_)));
        self.append(push, if is_long { None } else { Some(push.len()) });
        self.count = 1;
    }

    /// Adds a push of the same node to the payload that is begun. False if none is, or it goes to another
    /// topic, or makes the payload longer than `max_bytes` or 32 KiB.
    pub fn add(&mut self, push: &TopicPush<'_>, max_bytes: usize) -> bool {
        let len = push.len();
        let whole = self.payload.len() + 1 + encoded_len_varint(len as u64) + len;
        let fits = self.count > 0 && whole <= max_bytes.min(MAX_JOINED_BYTES) && self.is_to(push.topic);
        if fits {
            self.append(push, Some(len));
            self.count += 1;
        }
        fits
    }

    fn is_to(&self, topic: TopicRef<'_>) -> bool {
        let own = self.payload.get(self.topic.clone()).unwrap_or_default();
        match topic {
            TopicRef::Id(id) => !self.is_name && own == id.to_le_bytes(),
            TopicRef::Name(name) => self.is_name && own == name.as_bytes(),
        }
    }

    /// Appends a push: as one of several, if its length as such is given.
    fn append(&mut self, push: &TopicPush<'_>, len: Option<usize>) {
        let mut front = Front::default();
        if let Some(len) = len {
            front.push(key(3, LENGTH_DELIMITED));
            front.push_varint(len);
        }
        push.write_front(&mut front);
        self.payload.extend_from_slice(front.bytes());
        self.payload.extend_from_slice(push.data);
    }

    /// The bytes of the payload that is begun.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether no payload is begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the payload that is begun, and the number of pushes in it: the same bytes as
    /// [`write`](super::write) makes of the message.
    pub fn take(&mut self) -> Option<(Bytes, usize)> {
        let count = std::mem::take(&mut self.count);
        (count > 0).then(|| (self.payload.split().freeze(), count))
    }
}

/// The wire types of protobuf.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;

/// What a field begins with.
fn key(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// The bytes in front of a push's Data. They are collected here because each append to a payload asks whether
/// there is room.
#[derive(Default)]
struct Front {
    bytes: [u8; 32],
    len: usize,
}

impl Front {
    fn push(&mut self, byte: u8) {
        // Three fields of at most 11 bytes never reach the end.
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn push_varint(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NodeName;
    use crate::wire::{Header, Message, Publish, Published, Publishes, Topic, read, write};

    fn sender() -> Sender {
        Sender { name: NodeName::new("node-1").unwrap(), incarnation: 7 }
    }

    #[test]
    fn pushes_are_written_as_their_message() {
        let (sender, clock) = (sender(), Clock::default());
        let names = ["", "lobby", &"x".repeat(64)].map(|name| Topic::Name(name.to_owned()));
        let mut writer = PushWriter::default();
        // Together they are more than the memory that they share.
        let mut kept = vec![];
        for topic in [0, 17, u64::MAX].map(Topic::Id).into_iter().chain(names) {
            for lens in [
                vec![0],
                vec![1, 0, 127, 128],
                vec![4_000; 8],
                vec![20; 1_000],
                vec![MAX_JOINED_BYTES],
                vec![70_000],
            ] {
                for cmd in [0, 1210, u16::MAX] {
                    let data: Vec<_> = lens.iter().map(|len| vec![7; *len]).collect();
                    let push =
                        |data| TopicPush { sender: &sender, clock: &clock, topic: topic.as_ref(), cmd, data };
                    writer.begin(&push(&data[0]));
                    assert!(data[1..].iter().all(|data| writer.add(&push(data), usize::MAX)));
                    let (topic, cmd) = (Some(topic.clone()), cmd.into());
                    let pushes = data.iter().map(|data| Published { cmd, data: data.clone().into() });
                    let expected: Message = match &lens[..] {
                        [70_000] => Publish { topic, cmd, data: data[0].clone().into() }.into(),
                        _ => Publishes { topic, pushes: pushes.collect() }.into(),
                    };
                    let len = writer.len();
                    let (payload, count) = writer.take().unwrap();
                    assert_eq!((payload.len(), count), (len, lens.len()));
                    assert!(writer.is_empty() && writer.take().is_none());
                    kept.push((payload, expected));
                }
            }
        }
        for (payload, expected) in kept {
            let header = Header::read(&payload).unwrap();
            assert_eq!(payload, write(header.clock, &sender, &expected));
            assert_eq!(read(&header, &payload), Ok(expected));
        }
        assert_eq!(clock.tick(0), 6 * 6 * 3 + 1, "a payload has a clock of its own");
    }

    #[test]
    fn what_does_not_belong_together_is_not_joined() {
        let (sender, clock) = (sender(), Clock::default());
        let data = vec![1; MAX_JOINED_BYTES];
        let to = |topic, len| TopicPush { sender: &sender, clock: &clock, topic, cmd: 5, data: &data[..len] };
        let lobby = TopicRef::Name("lobby");
        let mut writer = PushWriter::default();
        assert!(!writer.add(&to(lobby, 1), usize::MAX), "none is begun");
        writer.begin(&to(lobby, 100));
        let one = writer.len();
        assert!(writer.add(&to(lobby, 100), usize::MAX));
        let two = writer.len();
        for (topic, len, max_bytes, is_joined) in [
            (lobby, 100, usize::MAX, true),
            (lobby, 100, two, true),
            (lobby, 100, two - 1, false),
            // The field of a push of this length has 10 bytes around it.
            (lobby, MAX_JOINED_BYTES - one - 10, usize::MAX, true),
            (lobby, MAX_JOINED_BYTES - one - 9, usize::MAX, false),
            (TopicRef::Name("lobbx"), 100, usize::MAX, false),
            (TopicRef::Name("lobbyx"), 100, usize::MAX, false),
            (TopicRef::Name(""), 100, usize::MAX, false),
            (TopicRef::Id(1), 100, usize::MAX, false),
        ] {
            writer.begin(&to(lobby, 100));
            assert_eq!(writer.add(&to(topic, len), max_bytes), is_joined, "{topic:?} {len} {max_bytes}");
            assert_eq!(writer.len() > one, is_joined);
            assert_eq!(writer.take().unwrap().1 == 2, is_joined);
        }
        // A number and a name of the same bytes.
        writer.begin(&to(TopicRef::Id(u64::from_le_bytes(*b"numbers!")), 1));
        assert!(!writer.add(&to(TopicRef::Name("numbers!"), 1), usize::MAX));
        writer.begin(&to(TopicRef::Name("numbers!"), 1));
        assert!(!writer.add(&to(TopicRef::Id(u64::from_le_bytes(*b"numbers!")), 1), usize::MAX));
    }
}
