//! Whether a connection may do what a node does. It is tried before the connection is used.

use async_nats::Client;
use bytes::Bytes;
use tokio::task::yield_now;

use super::Shared;
use super::events::{Events, refused_subject};
use super::probe::{FIRST_PROBE_TIMEOUT, PROBE_TIMEOUT, probe};
use crate::wire::{self, GoodBye, Sender, Subject};

/// Whether NATS answers on the main one of these connections, and has refused nothing on either. If not, why
/// is noted.
pub(super) async fn is_usable(client: &Client, events: [&Events; 2], shared: &Shared) -> bool {
    try_all(client, shared).await;
    let is_answered = probe(client, shared, FIRST_PROBE_TIMEOUT).await
        || (refusal(events).is_none() && probe(client, shared, PROBE_TIMEOUT).await);
    // What was reported before the answer is noted by now.
    yield_now().await;
    if note_refusal(events, shared) {
        return false;
    }
    if !is_answered {
        shared.fail("it does not answer");
    }
    is_answered
}

/// Notes what was refused on one of these connections. False if nothing was.
pub(super) fn note_refusal(events: [&Events; 2], shared: &Shared) -> bool {
    let Some(refused) = refusal(events) else {
        shared.set_refused(None);
        return false;
    };
    shared.set_refused(refused_subject(refused).map(str::to_owned));
    let error = format!(
        "the user of this node may not do what every node does: {refused}; \
         it must publish and subscribe below sysconn.{}.",
        shared.names.cluster
    );
    shared.fail(&error);
    true
}

fn refusal(events: [&Events; 2]) -> Option<&str> {
    events.into_iter().find_map(Events::refusal)
}

/// Publishes to a subject of each kind, and to the one that was refused last, and subscribes to a topic: the
/// other kinds are subscribed to in any case.
async fn try_all(client: &Client, shared: &Shared) {
    let names = &shared.names;
    let kinds = [Subject::Nodes, Subject::Node(names.node.clone()), Subject::Role(0), Subject::Topic(0)];
    let subjects = kinds.map(|subject| subject.text(&names.cluster)).into_iter().chain(shared.refused());
    for subject in subjects {
        // These fail only once the connection has ended.
        let _ = client.publish(subject, ignored(shared)).await;
    }
    // Dropped, it ends.
    let _ = client.subscribe(Subject::Topic(0).text(&names.cluster)).await;
}

/// A message that every node understands and ignores: the good-bye of a start that there never was.
fn ignored(shared: &Shared) -> Bytes {
    let nobody = Sender { name: shared.names.node.clone(), incarnation: 0 };
    wire::write(0, &nobody, &GoodBye {}.into())
}
