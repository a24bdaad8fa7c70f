//! The wire format: subjects, the header of a payload, and the protobuf messages behind it.
//!
//! Reading never panics, and allocates in proportion to what was received.

mod bodies;
mod check;
mod error;
mod header;
mod message;
mod push_writer;
mod subject;
#[cfg(test)]
mod tests;

pub use bodies::{
    Answer, Blacklist, BlacklistDigest, BlacklistRequest, End, GoodBye, Heartbeat, Listed, Login,
    MAX_LIST_PARTS, MAX_PART_BYTES, MAX_PARTS, MAX_SUBJECT_BYTES, Made, NameAnswer, NameQuery, Publish,
    Published, Publishes, Push, Request, RoleDigest, RoleList, RoleListRequest, Topic,
};
pub use error::WireError;
pub use header::{Header, Sender};
pub use message::{KINDS, Kind, MAX_PAYLOAD_BYTES, Message, OLDEST, VERSION, read, write};
pub use push_writer::{PushWriter, TopicPush};
pub use subject::Subject;
