//! What the fields of bodies may be, beyond what protobuf checks.

use super::bodies::{
    Answer, Blacklist, BlacklistDigest, BlacklistRequest, End, GoodBye, Heartbeat, Login, MAX_LIST_PARTS,
    MAX_PARTS, MAX_SUBJECT_BYTES, Made, NameAnswer, NameQuery, Publish, Publishes, Push, Request, RoleDigest,
    RoleList, RoleListRequest, Topic,
};
use super::error::WireError;
use super::header::Header;
use crate::hash::SHARDS;
use crate::topic::MAX_TOPIC_BYTES;

/// Checks a body beyond what protobuf does.
pub(super) trait Check {
    /// An error where a field has a value that it must not have.
    fn check(&self, header: &Header) -> Result<(), WireError>;
}

fn must(holds: bool) -> Result<(), WireError> {
    if holds { Ok(()) } else { Err(WireError::Field) }
}

/// The sender's clock is above all stamps that it knows.
fn check_stamp(stamp: &Made, header: &Header) -> Result<(), WireError> {
    must(stamp.stamp().is_some() && stamp.clock <= header.clock)
}

impl Check for Heartbeat {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.oldest <= self.newest && self.newest <= u8::MAX.into())
    }
}

impl Check for Login {
    fn check(&self, header: &Header) -> Result<(), WireError> {
        must(self.role_id != 0 && self.clock <= header.clock)
    }
}

impl Check for End {
    fn check(&self, header: &Header) -> Result<(), WireError> {
        must(self.role_id != 0 && self.clock < self.ended && self.ended <= header.clock)
    }
}

impl Check for RoleDigest {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.counts.len() == SHARDS && self.sums.len() == SHARDS)
    }
}

impl Check for RoleList {
    fn check(&self, header: &Header) -> Result<(), WireError> {
        must((self.shard as usize) < SHARDS && self.number <= header.clock)?;
        must(self.part < self.parts && self.parts <= MAX_LIST_PARTS)?;
        must(self.roles.len() == self.clocks.len() && self.roles.len() == self.ends.len())?;
        must(self.roles.iter().all(|role_id| *role_id != 0))?;
        let mut entries = self.clocks.iter().zip(&self.ends);
        must(entries.all(|(clock, ended)| *clock <= self.number && (*ended == 0 || clock < ended)))?;
        must(self.ends.iter().all(|ended| *ended <= self.number))
    }
}

impl Check for Push {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.role_id != 0 && self.cmd <= u16::MAX.into())
    }
}

impl Check for Publish {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.cmd <= u16::MAX.into())?;
        check_topic(self.topic.as_ref())
    }
}

impl Check for Publishes {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.pushes.iter().all(|push| push.cmd <= u16::MAX.into()))?;
        check_topic(self.topic.as_ref())
    }
}

fn check_topic(topic: Option<&Topic>) -> Result<(), WireError> {
    match topic {
        Some(Topic::Id(_)) => Ok(()),
        Some(Topic::Name(name)) => must(name.len() <= MAX_TOPIC_BYTES),
        None => Err(WireError::Field),
    }
}

impl Check for Blacklist {
    fn check(&self, header: &Header) -> Result<(), WireError> {
        self.cleared.as_ref().map_or(Ok(()), |stamp| check_stamp(stamp, header))?;
        self.entries.iter().try_for_each(|entry| {
            must(!entry.subject.is_empty() && entry.subject.len() <= MAX_SUBJECT_BYTES)?;
            check_stamp(entry.stamp.as_ref().ok_or(WireError::Field)?, header)
        })
    }
}

impl Check for BlacklistDigest {
    fn check(&self, header: &Header) -> Result<(), WireError> {
        self.cleared.as_ref().map_or(Ok(()), |stamp| check_stamp(stamp, header))
    }
}

impl Check for Answer {
    fn check(&self, _: &Header) -> Result<(), WireError> {
        must(self.part < self.parts && self.parts <= MAX_PARTS && self.error_id <= u16::MAX.into())
    }
}

macro_rules! unchecked {
    ($($body:ty),*) => {
        $(impl Check for $body {
            fn check(&self, _: &Header) -> Result<(), WireError> {
                Ok(())
            }
        })*
    };
}

unchecked!(GoodBye, NameQuery, NameAnswer, RoleListRequest, BlacklistRequest, Request);
