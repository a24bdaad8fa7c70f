//! The subjects of NATS that messages go to. No text of a client's is ever part of one.

use crate::names::{MAX_NAME_BYTES, NodeName};

/// The most bytes of a subject: it has two names, and short words.
const TEXT_BYTES: usize = 2 * MAX_NAME_BYTES + 16;

/// A subject below `sysconn.ID.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// `nodes`: every node.
    Nodes,
    /// `node.NAME`: one node.
    Node(NodeName),
    /// `role.N`: a shard of the roles.
    Role(u8),
    /// `role.*`: all shards, to subscribe to.
    Roles,
    /// `topic.N`: a bucket of the topics.
    Topic(u16),
}

impl Subject {
    /// The whole subject, in the cluster with this id.
    #[must_use]
    pub fn text(&self, cluster: &NodeName) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        text.extend(["sysconn.", cluster.as_str(), "."]);
        match self {
            Subject::Nodes => text.push_str("nodes"),
            Subject::Node(name) => text.extend(["node.", name.as_str()]),
            Subject::Role(shard) => text.extend(["role.", &shard.to_string()]),
            Subject::Roles => text.push_str("role.*"),
            Subject::Topic(bucket) => {
                text.push_str("topic.");
                push_decimal(&mut text, *bucket);
            }
        }
        text
    }

    /// Whether a subscription to `self` gets what is published under `other`.
    #[must_use]
    pub fn covers(&self, other: &Subject) -> bool {
        self == other || (*self == Subject::Roles && matches!(other, Subject::Role(_)))
    }
}

/// Appends a number without the machinery of `fmt`: every publish has one.
fn push_decimal(text: &mut String, number: u16) {
    let mut divisor = 10_000;
    while divisor > 1 && divisor > number {
        divisor /= 10;
    }
    while divisor > 0 {
        text.push(char::from(b'0' + (number / divisor % 10) as u8));
        divisor /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_have_their_texts() {
        let name = |text: &str| NodeName::new(text).unwrap();
        for (subject, expected) in [
            (Subject::Nodes, "nodes"),
            (Subject::Node(name("b-1")), "node.b-1"),
            (Subject::Role(63), "role.63"),
            (Subject::Roles, "role.*"),
        ] {
            assert_eq!(subject.text(&name("game")), format!("sysconn.game.{expected}"));
        }
        for bucket in 0..=u16::MAX {
            assert_eq!(Subject::Topic(bucket).text(&name("a")), format!("sysconn.a.topic.{bucket}"));
        }
        let longest = name(&"x".repeat(MAX_NAME_BYTES));
        assert!(Subject::Node(longest.clone()).text(&longest).len() <= TEXT_BYTES);
    }
}
