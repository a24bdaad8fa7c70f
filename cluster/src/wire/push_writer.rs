//! Pushes to a topic on their way out: pushes in a row to one topic are written into one payload, which costs
//! the bus little more than a single push.

use prost::encoding::{encoded_len_varint, fixed64};

use super::bodies::Topic;
use super::header::{Header, Sender};
use super::message::{Kind, VERSION};
use crate::clock::Clock;
use crate::hash::bucket_of;
use crate::topic::TopicRef;
use crate::wire::Subject;

/// The most bytes of a payload of several pushes.
const MAX_JOINED_BYTES: usize = 32 * 1024;
/// Room for a few short pushes: most payloads grow once or twice at most.
const FIRST_BYTES: usize = 512;

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

/// A payload of pushes of one node to one topic.
#[derive(Debug)]
pub struct PushWriter {
    payload: Vec<u8>,
    topic: Topic,
    count: usize,
}

impl PushWriter {
    /// Begins a payload with its first push, at the node's clock: a [`Publishes`](super::Publishes) to which
    /// others can be added, or a [`Publish`](super::Publish) if it is long.
    #[must_use]
    pub fn begin(push: &TopicPush<'_>) -> Self {
        let is_long = push.data.len() > MAX_JOINED_BYTES;
        let kind = if is_long { Kind::Publish } else { Kind::Publishes };
        // Nobody compares its clock with others: it need only be above those before.
        let clock = push.clock.tick(0);
        let header = Header { version: VERSION, kind: kind as u8, clock, sender: push.sender.clone() };
        let mut payload = Vec::with_capacity(FIRST_BYTES + push.data.len());
        header.write(&mut payload);
        let mut front = Front::default();
        match push.topic {
            TopicRef::Id(id) => fixed64::encode(1, &id, &mut payload),
            TopicRef::Name(name) => {
                front.push(key(2, LENGTH_DELIMITED));
                front.push_varint(name.len());
                payload.extend_from_slice(front.bytes());
                payload.extend_from_slice(name.as_bytes());
            }
        }
        let mut writer = PushWriter { payload, topic: push.topic.into(), count: 1 };
        writer.append(push, if is_long { None } else { Some(push.len()) });
        writer
    }

    /// Adds a push of the same node. False if it goes to another topic, or makes the payload longer than
    /// `max_bytes` or 32 KiB.
    pub fn add(&mut self, push: &TopicPush<'_>, max_bytes: usize) -> bool {
        let len = push.len();
        let whole = self.payload.len() + 1 + encoded_len_varint(len as u64) + len;
        let fits = whole <= max_bytes.min(MAX_JOINED_BYTES) && self.topic.as_ref() == push.topic;
        if fits {
            self.append(push, Some(len));
            self.count += 1;
        }
        fits
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

    /// How many pushes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bytes of the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload: the same bytes as [`write`](super::write) makes of the message.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

/// The wire types of protobuf.
const VARINT: u8 = 0;
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
    use bytes::Bytes;

    use super::*;
    use crate::names::NodeName;
    use crate::wire::{Message, Publish, Published, Publishes, read, write};

    fn sender() -> Sender {
        Sender { name: NodeName::new("node-1").unwrap(), incarnation: 7 }
    }

    #[test]
    fn pushes_are_written_as_their_message() {
        let (sender, clock) = (sender(), Clock::default());
        let names = ["", "lobby", &"x".repeat(64)].map(|name| Topic::Name(name.to_owned()));
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
                    let mut writer = PushWriter::begin(&push(&data[0]));
                    assert!(data[1..].iter().all(|data| writer.add(&push(data), usize::MAX)));
                    assert_eq!(writer.count(), lens.len());
                    let (topic, cmd) = (Some(topic.clone()), cmd.into());
                    let pushes = data.iter().map(|data| Published { cmd, data: data.clone().into() });
                    let expected: Message = match &lens[..] {
                        [70_000] => Publish { topic, cmd, data: data[0].clone().into() }.into(),
                        _ => Publishes { topic, pushes: pushes.collect() }.into(),
                    };
                    let payload: Bytes = writer.into_payload().into();
                    let header = Header::read(&payload).unwrap();
                    assert_eq!(payload, write(header.clock, &sender, &expected));
                    assert_eq!(read(&header, &payload), Ok(expected));
                }
            }
        }
        assert_eq!(clock.tick(0), 6 * 6 * 3 + 1, "a payload has a clock of its own");
    }

    #[test]
    fn what_does_not_belong_together_is_not_joined() {
        let (sender, clock) = (sender(), Clock::default());
        let data = vec![1; MAX_JOINED_BYTES];
        let to = |topic, len| TopicPush { sender: &sender, clock: &clock, topic, cmd: 5, data: &data[..len] };
        let lobby = TopicRef::Name("lobby");
        let one = PushWriter::begin(&to(lobby, 100)).into_payload().len();
        let mut writer = PushWriter::begin(&to(lobby, 100));
        assert!(writer.add(&to(lobby, 100), usize::MAX));
        let two = writer.into_payload().len();
        for (topic, len, max_bytes, is_joined) in [
            (lobby, 100, usize::MAX, true),
            (lobby, 100, two, true),
            (lobby, 100, two - 1, false),
            // The field of a push of this length has 10 bytes around it.
            (lobby, MAX_JOINED_BYTES - one - 10, usize::MAX, true),
            (lobby, MAX_JOINED_BYTES - one - 9, usize::MAX, false),
            (TopicRef::Name("lobbx"), 100, usize::MAX, false),
            (TopicRef::Name(""), 100, usize::MAX, false),
            (TopicRef::Id(1), 100, usize::MAX, false),
        ] {
            let mut writer = PushWriter::begin(&to(lobby, 100));
            assert_eq!(writer.add(&to(topic, len), max_bytes), is_joined, "{topic:?} {len} {max_bytes}");
            assert_eq!((writer.count() == 2, writer.payload().len() == one), (is_joined, !is_joined));
        }
    }
}
