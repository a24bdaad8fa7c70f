//! Requests to other nodes that wait for answers.

use std::collections::BTreeMap;
use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::names::NodeName;
use crate::wire::{Answer, MAX_PART_BYTES};

/// The most requests that wait at a time.
pub const MAX_WAITING_REQUESTS: usize = 4_096;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum What {
    /// The role of an account, from the node that keeps them: [`RoleIdRequest`] → [`RoleIdAnswer`].
    RoleId = 1,
    /// Whether a token is used for the first time: [`UsedTokenRequest`] → [`UsedTokenAnswer`].
    UsedToken = 2,
    /// The figures of a node: `m_9001_tos` → `m_9001_toc`.
    Stats = 3,
    /// The connections of a node: `m_9002_tos` → `m_9002_toc`.
    List = 4,
    /// Ends a connection: `m_9003_tos` → nothing.
    Kick = 5,
    /// Switches the logging of a connection's packets: `m_9004_tos` → nothing.
    Debug = 6,
}

impl What {
    /// What a number stands for.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        let all = [What::RoleId, What::UsedToken, What::Stats, What::List, What::Kick, What::Debug];
        all.into_iter().find(|what| *what as u32 == number)
    }
}

/// Asks for the role of an account.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RoleIdRequest {
    /// The platform that knows the account.
    #[prost(string, tag = "1")]
    pub platform: String,
    /// The account on the platform.
    #[prost(string, tag = "2")]
    pub account: String,
    /// The zone.
    #[prost(uint32, tag = "3")]
    pub zone_id: u32,
}

/// The role of an account.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct RoleIdAnswer {
    /// The role.
    #[prost(fixed64, tag = "1")]
    pub role_id: u64,
}

/// Asks whether a token is used for the first time, and has it remembered.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct UsedTokenRequest {
    /// The hash of what is signed.
    #[prost(bytes = "bytes", tag = "1")]
    pub hash: Bytes,
    /// The time at which the token expires, in seconds since 1970.
    #[prost(fixed64, tag = "2")]
    pub ends: u64,
}

/// What the use of a token is.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct UsedTokenAnswer {
    /// 0: the first. 1: it was used before. 2: too many are remembered.
    #[prost(uint32, tag = "1")]
    pub verdict: u32,
}

/// A node's answer: its body, or the ErrorID with which it has refused.
pub type Answered = Result<Bytes, u16>;

/// The answers to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The nodes that have answered, in order.
    pub answers: Vec<(NodeName, Answered)>,
    /// Those that have not, in order.
    pub missing: Vec<NodeName>,
}

/// What is called with the answers.
pub(crate) type Done = Box<dyn FnOnce(Answers) + Send>;

/// A request whose end has come.
pub(crate) struct Finished {
    pub(crate) done: Done,
    pub(crate) answers: Answers,
}

/// The requests that wait.
#[derive(Default)]
pub(crate) struct Requests {
    waiting: BTreeMap<u64, Waiting>,
    last_id: u64,
}

struct Waiting {
    /// The nodes that have not answered, each with the parts that have come.
    missing: BTreeMap<NodeName, BTreeMap<u32, Answer>>,
    absent: Vec<NodeName>,
    answers: BTreeMap<NodeName, Answered>,
    deadline_ms: u64,
    done: Done,
}

impl Requests {
    /// Adds a request to these nodes; `absent` ones cannot be asked. Returns its number, or `done` where too
    /// many wait.
    pub(crate) fn add(
        &mut self,
        to: &[NodeName],
        absent: Vec<NodeName>,
        deadline_ms: u64,
        done: Done,
    ) -> Result<u64, Done> {
        if self.waiting.len() >= MAX_WAITING_REQUESTS {
            return Err(done);
        }
        self.last_id += 1;
        let missing = to.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
        let waiting = Waiting { missing, absent, answers: BTreeMap::new(), deadline_ms, done };
        self.waiting.insert(self.last_id, waiting);
        Ok(self.last_id)
    }

    /// Takes a part of an answer. Returns the request, if it was the last part that it waited for.
    pub(crate) fn answer(&mut self, from: &NodeName, part: Answer) -> Option<Finished> {
        let id = part.id;
        let waiting = self.waiting.get_mut(&id)?;
        let parts = waiting.missing.get_mut(from)?;
        let count = part.parts as usize;
        if part.body.len() > MAX_PART_BYTES || parts.values().any(|other| other.parts as usize != count) {
            return None;
        }
        parts.insert(part.part, part);
        if parts.len() < count {
            return None;
        }
        let parts = waiting.missing.remove(from)?;
        waiting.answers.insert(from.clone(), joined(parts));
        waiting.missing.is_empty().then(|| self.waiting.remove(&id).map(Waiting::finish)).flatten()
    }

    /// The requests whose deadline has come.
    pub(crate) fn expired(&mut self, now_ms: u64) -> Vec<Finished> {
        let due = self.waiting.extract_if(.., |_, waiting| waiting.deadline_ms <= now_ms);
        due.map(|(_, waiting)| waiting.finish()).collect()
    }
}

impl Waiting {
    fn finish(self) -> Finished {
        let answers = self.answers.into_iter().collect();
        let mut missing: Vec<_> = self.missing.into_keys().chain(self.absent).collect();
        missing.sort();
        Finished { done: self.done, answers: Answers { answers, missing } }
    }
}

/// The answer that parts make up.
fn joined(parts: BTreeMap<u32, Answer>) -> Answered {
    let mut body = BytesMut::new();
    for part in parts.into_values() {
        if part.error_id != 0 {
            // The wire's check has said that it fits.
            return Err(u16::try_from(part.error_id).unwrap_or(u16::MAX));
        }
        body.extend_from_slice(&part.body);
    }
    Ok(body.freeze())
}

/// A body, cut into parts: at least one.
pub(crate) fn cut(body: &Bytes) -> Vec<Bytes> {
    let count = body.len().div_ceil(MAX_PART_BYTES).max(1);
    let part = |index: usize| {
        let begin = index * MAX_PART_BYTES;
        body.slice(begin..body.len().min(begin + MAX_PART_BYTES))
    };
    (0..count).map(part).collect()
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("waiting", &self.waiting.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn name(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }

    fn part(id: u64, part: u32, parts: u32, body: &'static str) -> Answer {
        Answer { id, incarnation: 0, error_id: 0, part, parts, body: Bytes::from_static(body.as_bytes()) }
    }

    /// What a request ends with.
    fn ended(finished: Option<Finished>) -> Option<Answers> {
        finished.map(|finished| finished.answers)
    }

    #[test]
    fn a_request_ends_with_its_last_answer() {
        let mut requests = Requests::default();
        let id = requests.add(&[name("b"), name("a")], vec![], 1000, Box::new(|_| ())).ok().unwrap();
        for (from, answer) in [
            ("c", part(id, 0, 1, "who is that?")),
            ("a", part(id + 1, 0, 1, "another request's")),
            ("a", part(id, 1, 2, "two")),
            ("a", part(id, 0, 3, "not of these")),
            ("a", part(id, 1, 2, "two")),
            ("a", part(id, 0, 2, "one, ")),
            ("a", part(id, 0, 1, "again")),
        ] {
            assert!(requests.answer(&name(from), answer.clone()).is_none(), "{from}: {answer:?}");
        }
        let refused = Answer { error_id: 6, ..part(id, 0, 1, "") };
        let ended = ended(requests.answer(&name("b"), refused));
        let answers = vec![(name("a"), Ok(Bytes::from("one, two"))), (name("b"), Err(6))];
        assert_eq!(ended, Some(Answers { answers, missing: vec![] }));
        assert!(requests.expired(5000).is_empty());
    }

    #[test]
    fn a_deadline_ends_it_without_the_rest() {
        let mut requests = Requests::default();
        let id = requests.add(&[name("b"), name("a")], vec![], 1000, Box::new(|_| ())).ok().unwrap();
        assert!(requests.answer(&name("b"), part(id, 0, 1, "b")).is_none());
        assert!(requests.expired(999).is_empty());
        let ended = ended(requests.expired(1000).pop());
        let answers = vec![(name("b"), Ok(Bytes::from("b")))];
        assert_eq!(ended, Some(Answers { answers, missing: vec![name("a")] }));
    }

    #[test]
    fn only_so_many_wait() {
        let mut requests = Requests::default();
        let called = Arc::new(Mutex::new(0));
        for _ in 0..MAX_WAITING_REQUESTS {
            assert!(requests.add(&[name("a")], vec![], 1000, Box::new(|_| ())).is_ok());
        }
        let counted = called.clone();
        let refused =
            requests.add(&[name("a")], vec![], 1000, Box::new(move |_| *counted.lock().unwrap() += 1));
        refused.err().unwrap()(Answers::default());
        assert_eq!(*called.lock().unwrap(), 1);
        assert_eq!(requests.expired(1000).len(), MAX_WAITING_REQUESTS);
    }

    #[test]
    fn bodies_are_cut_into_parts() {
        for (len, expected) in
            [(0, 1), (1, 1), (MAX_PART_BYTES, 1), (MAX_PART_BYTES + 1, 2), (MAX_PART_BYTES * 3, 3)]
        {
            let body = Bytes::from(vec![7; len]);
            let parts = cut(&body);
            assert_eq!(parts.len(), expected, "{len}");
            assert_eq!(parts.concat().len(), len);
        }
    }
}
