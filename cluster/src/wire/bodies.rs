//! The bodies of messages, in protobuf. docs/cluster.md has the table.

use bytes::Bytes;

use crate::names::NodeName;
use crate::stamp::Stamp;
use crate::topic::TopicRef;

/// The most bytes of a part of a list or of an answer, without its header.
pub const MAX_PART_BYTES: usize = 65_536;
/// The most parts of an answer.
pub const MAX_PARTS: u32 = 256;
/// The most parts of a list of roles.
pub const MAX_LIST_PARTS: u32 = 32;
/// The most bytes in the subject of an entry of the black list.
pub const MAX_SUBJECT_BYTES: usize = 300;

/// A node is there. This form never changes, whatever the version.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Heartbeat {
    /// The lowest version of the format that the node reads.
    #[prost(uint32, tag = "1")]
    pub oldest: u32,
    /// The version that it writes, and the highest that it reads.
    #[prost(uint32, tag = "2")]
    pub newest: u32,
    /// Whether it drains: it still has clients, and takes no more.
    #[prost(bool, tag = "3")]
    pub is_draining: bool,
}

/// The node ends, and is to be forgotten at once.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct GoodBye {}

/// Asks whoever has the sender's name to say so.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NameQuery {}

/// The sender has the name that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct NameAnswer {}

/// A role has a holder on the sender: it logged in, or still holds the role.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Login {
    /// The role.
    #[prost(fixed64, tag = "1")]
    pub role_id: u64,
    /// The clock of its login; with the sender it is the stamp.
    #[prost(fixed64, tag = "2")]
    pub clock: u64,
}

/// A holder on the sender has ended.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct End {
    /// The role.
    #[prost(fixed64, tag = "1")]
    pub role_id: u64,
    /// The clock of its login.
    #[prost(fixed64, tag = "2")]
    pub clock: u64,
    /// The clock of its end, from which a tombstone is kept for 60 s.
    #[prost(fixed64, tag = "3")]
    pub ended: u64,
}

/// A digest of the sender's holders and tombstones, for each shard. Its number is the clock of its header.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RoleDigest {
    /// How many there are: 64 numbers.
    #[prost(uint32, repeated, tag = "1")]
    pub counts: Vec<u32>,
    /// The sum of their hashes: 64 numbers.
    #[prost(fixed64, repeated, tag = "2")]
    pub sums: Vec<u64>,
}

/// Asks a node for the lists of some shards.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RoleListRequest {
    /// A bit for each shard, the lowest for shard 0.
    #[prost(fixed64, tag = "1")]
    pub shards: u64,
    /// The incarnation that is asked.
    #[prost(fixed64, tag = "2")]
    pub incarnation: u64,
}

/// A part of the list of all holders and tombstones of the sender's in a shard.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RoleList {
    /// The shard.
    #[prost(uint32, tag = "1")]
    pub shard: u32,
    /// The clock at which the list was made: parts of one list share it.
    #[prost(fixed64, tag = "2")]
    pub number: u64,
    /// Which part it is, from 0.
    #[prost(uint32, tag = "3")]
    pub part: u32,
    /// How many parts the list has.
    #[prost(uint32, tag = "4")]
    pub parts: u32,
    /// Roles.
    #[prost(fixed64, repeated, tag = "5")]
    pub roles: Vec<u64>,
    /// The clock of each one's login.
    #[prost(fixed64, repeated, tag = "6")]
    pub clocks: Vec<u64>,
    /// The clock of each one's end; 0 while it is held.
    #[prost(fixed64, repeated, tag = "7")]
    pub ends: Vec<u64>,
}

/// A push to whoever holds a role.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Push {
    /// The role.
    #[prost(fixed64, tag = "1")]
    pub role_id: u64,
    /// Its command.
    #[prost(uint32, tag = "2")]
    pub cmd: u32,
    /// Its Data.
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
    /// Whether it was forwarded already.
    #[prost(bool, tag = "4")]
    pub is_forwarded: bool,
}

/// A push to the subscribers of a topic.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Publish {
    /// The topic.
    #[prost(oneof = "Topic", tags = "1, 2")]
    pub topic: Option<Topic>,
    /// The push's command.
    #[prost(uint32, tag = "3")]
    pub cmd: u32,
    /// Its Data.
    #[prost(bytes = "bytes", tag = "4")]
    pub data: Bytes,
}

/// Several publishes of one node to one topic, in their order. They are at most as many as have room in
/// 65 KiB.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Publishes {
    /// The topic.
    #[prost(oneof = "Topic", tags = "1, 2")]
    pub topic: Option<Topic>,
    /// The pushes.
    #[prost(message, repeated, tag = "3")]
    pub pushes: Vec<Published>,
}

/// One of several publishes: the fields of a [`Publish`] behind its topic.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Published {
    /// The push's command.
    #[prost(uint32, tag = "3")]
    pub cmd: u32,
    /// Its Data.
    #[prost(bytes = "bytes", tag = "4")]
    pub data: Bytes,
}

/// What a topic is called.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum Topic {
    /// A number.
    #[prost(fixed64, tag = "1")]
    Id(u64),
    /// A name of at most 64 bytes.
    #[prost(string, tag = "2")]
    Name(String),
}

/// An entry of the black list.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Listed {
    /// Whom it is about, such as `account:NAME`.
    #[prost(string, tag = "1")]
    pub subject: String,
    /// The milliseconds since 1970 at which the entry ends.
    #[prost(fixed64, tag = "2")]
    pub until_ms: u64,
    /// Whether it says that the subject was taken off the list.
    #[prost(bool, tag = "3")]
    pub is_removed: bool,
    /// Whether an operator has made it.
    #[prost(bool, tag = "4")]
    pub by_operator: bool,
    /// When it was made.
    #[prost(message, optional, tag = "5")]
    pub stamp: Option<Made>,
}

/// A stamp.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Made {
    /// Its clock.
    #[prost(fixed64, tag = "1")]
    pub clock: u64,
    /// The node that has made it.
    #[prost(string, tag = "2")]
    pub node: String,
    /// That node's start.
    #[prost(fixed64, tag = "3")]
    pub incarnation: u64,
}

/// Entries of the black list that have changed, or a part of all of them.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Blacklist {
    /// The entries.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Listed>,
    /// Everything below this stamp was cleared.
    #[prost(message, optional, tag = "2")]
    pub cleared: Option<Made>,
}

/// A digest of the sender's black list, at the clock of its header.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BlacklistDigest {
    /// How many entries there are that have not ended.
    #[prost(fixed64, tag = "1")]
    pub count: u64,
    /// The sum of their hashes.
    #[prost(fixed64, tag = "2")]
    pub sum: u64,
    /// The stamp of the last time that it was cleared.
    #[prost(message, optional, tag = "3")]
    pub cleared: Option<Made>,
}

/// Asks a node for its black list.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct BlacklistRequest {
    /// The incarnation that is asked.
    #[prost(fixed64, tag = "1")]
    pub incarnation: u64,
}

/// A request that another node answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Request {
    /// The number of the request on its sender.
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    /// What is asked for: see [`What`](crate::What).
    #[prost(uint32, tag = "2")]
    pub what: u32,
    /// Its own message.
    #[prost(bytes = "bytes", tag = "3")]
    pub body: Bytes,
}

/// The answer to a request, or a part of it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Answer {
    /// The number of the request.
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    /// The incarnation that has asked.
    #[prost(fixed64, tag = "2")]
    pub incarnation: u64,
    /// 0, or the ErrorID with which it was refused.
    #[prost(uint32, tag = "3")]
    pub error_id: u32,
    /// Which part it is, from 0.
    #[prost(uint32, tag = "4")]
    pub part: u32,
    /// How many parts the answer has.
    #[prost(uint32, tag = "5")]
    pub parts: u32,
    /// The part.
    #[prost(bytes = "bytes", tag = "6")]
    pub body: Bytes,
}

impl Made {
    pub(crate) fn of(stamp: &Stamp) -> Self {
        Made { clock: stamp.clock, node: stamp.node.as_str().to_owned(), incarnation: stamp.incarnation }
    }

    /// The stamp, if the node's name is one.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let node = NodeName::new(&self.node).ok()?;
        Some(Stamp { clock: self.clock, node, incarnation: self.incarnation })
    }
}

impl Topic {
    /// The topic as it is said elsewhere.
    #[must_use]
    pub fn as_ref(&self) -> TopicRef<'_> {
        match self {
            Topic::Id(id) => TopicRef::Id(*id),
            Topic::Name(name) => TopicRef::Name(name),
        }
    }
}

impl From<TopicRef<'_>> for Topic {
    fn from(topic: TopicRef<'_>) -> Self {
        match topic {
            TopicRef::Id(id) => Topic::Id(id),
            TopicRef::Name(name) => Topic::Name(name.to_owned()),
        }
    }
}
