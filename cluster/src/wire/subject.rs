//! The subjects of NATS that messages go to. No text of a client's is ever part of one.

use crate::names::NodeName;

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
        match self {
            Subject::Nodes => format!("sysconn.{cluster}.nodes"),
            Subject::Node(name) => format!("sysconn.{cluster}.node.{name}"),
            Subject::Role(shard) => format!("sysconn.{cluster}.role.{shard}"),
            Subject::Roles => format!("sysconn.{cluster}.role.*"),
            Subject::Topic(bucket) => format!("sysconn.{cluster}.topic.{bucket}"),
        }
    }

    /// Whether a subscription to `self` gets what is published under `other`.
    #[must_use]
    pub fn covers(&self, other: &Subject) -> bool {
        self == other || (*self == Subject::Roles && matches!(other, Subject::Role(_)))
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
            (Subject::Topic(0), "topic.0"),
            (Subject::Topic(16_383), "topic.16383"),
        ] {
            assert_eq!(subject.text(&name("game")), format!("sysconn.game.{expected}"));
        }
    }
}
