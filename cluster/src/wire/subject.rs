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
