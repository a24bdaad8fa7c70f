//! Tells the cluster of the roles and topics of this server.

use std::fmt;

use sysconn::{ConnectionId, Presence, RoleClaim, Topic};
use sysconn_cluster::{Cluster, Holder, TopicRef};

/// Passes on what workers say. The cluster never makes them wait: it only notes it, and leaves a message in a
/// queue.
pub(super) struct Reporter(pub(super) Cluster);

impl Presence for Reporter {
    fn role_entered(&self, claim: RoleClaim) {
        self.0.role_entered(claim.role_id, holder(claim));
    }

    fn role_left(&self, claim: RoleClaim) {
        self.0.role_left(claim.role_id, holder(claim));
    }

    fn topic_begun(&self, topic: &Topic) {
        self.0.topic_entered(topic_ref(topic));
    }

    fn topic_ended(&self, topic: &Topic) {
        self.0.topic_left(topic_ref(topic));
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reporter").field(self.0.name()).finish()
    }
}

fn holder(claim: RoleClaim) -> Holder {
    Holder { connection: claim.connection.to_u64(), claim: claim.number }
}

/// The claim of a holder that this server has named.
pub(super) fn claim(role_id: u64, holder: Holder) -> RoleClaim {
    let connection = ConnectionId::from_u64(holder.connection);
    RoleClaim { role_id, connection, number: holder.claim }
}

pub(super) fn topic_ref(topic: &Topic) -> TopicRef<'_> {
    match topic {
        Topic::Id(id) => TopicRef::Id(*id),
        Topic::Name(name) => TopicRef::Name(name.as_str()),
    }
}

/// A topic that another server has named. None if it has no such name.
pub(super) fn topic(topic: TopicRef<'_>) -> Option<Topic> {
    match topic {
        TopicRef::Id(id) => Some(Topic::from(id)),
        TopicRef::Name(name) => Topic::name(name).ok(),
    }
}
