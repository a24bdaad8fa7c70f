//! Probes: whether a connection carries bytes both ways.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Client, Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::sleep;

use super::Shared;

/// How often a connection is probed.
pub(super) const PING: Duration = Duration::from_secs(2);
/// How long a probe may take: three pings.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(6);
/// How long the first probe of a connection may take. What the server refuses is known by then.
pub(super) const FIRST_PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// What a node's own probes are sent to.
fn probed(shared: &Shared) -> String {
    format!("sysconn.{}.probe.{}", shared.names.cluster, shared.names.node)
}

/// Answers probes, on a connection beside the one that is probed, until it ends, and waits until the server
/// knows that, or has refused it. A server that says that nobody subscribes would do, but it says nothing
/// while somebody watches all subjects.
pub(super) async fn answer_probes(client: &Client, shared: &Shared) {
    // It fails only once this connection has ended, and then the server says that nobody is there.
    let Ok(probes) = client.subscribe(probed(shared)).await else { return };
    drop(tokio::spawn(answer(client.clone(), probes)));
    // This connection hears itself.
    probe(client, shared, FIRST_PROBE_TIMEOUT).await;
}

async fn answer(client: Client, mut probes: Subscriber) {
    while let Some(probe) = probes.next().await {
        if let Some(reply) = probe.reply {
            // It fails only once this connection has ended.
            let _ = client.publish(reply, Bytes::new()).await;
        }
    }
}

/// Asks for an answer, over the server and back. So a connection that loses bytes in one direction only is
/// noticed too. False if there is none in time.
pub(super) async fn probe(client: &Client, shared: &Shared, timeout: Duration) -> bool {
    let request = Request::new().timeout(Some(timeout));
    let is_answered = match client.send_request(probed(shared), request).await {
        Ok(_) => true,
        Err(error) => error.kind() == RequestErrorKind::NoResponders,
    };
    if is_answered {
        shared.taken.fetch_add(1, Ordering::Relaxed);
    }
    is_answered
}

/// Returns once a probe is not answered.
pub(super) async fn probes(client: &Client, shared: &Shared) {
    while probe(client, shared, PROBE_TIMEOUT).await {
        sleep(PING).await;
    }
    log::warn!(target: crate::LOG, "NATS does not answer");
}
