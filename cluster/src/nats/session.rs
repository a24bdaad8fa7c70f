//! One connection to NATS: connect, subscribe, pass messages on, until it is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::access::{is_usable, note_refusal};
use super::channel::Outgoing;
use super::connect::{Echo, connect, lost};
use super::events::Events;
use super::probe::{answer_probes, probes};
use super::subscriptions::Active;
use super::writer::Writer;
use crate::bus::Inbox;
use crate::counters::Reason;

/// How long the last messages may take at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(150);
/// The shortest time between two renewals of all subscriptions.
const RENEWAL: Duration = Duration::from_secs(1);
/// The least that a server should take: a part of a list, with room for what is around it, and pushes.
const MIN_PAYLOAD_BYTES: usize = 128 << 10;

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The connection is lost.
    Lost,
    /// The bus was closed.
    Closed,
}

/// One connection, from the first try to its end.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) control: &'a mut Outgoing,
    pub(super) traffic: &'a mut Outgoing,
    pub(super) inbox: &'a Arc<dyn Inbox>,
    /// The number of the connection, from 1.
    pub(super) number: u64,
}

impl Session<'_> {
    pub(super) async fn run(self) -> End {
        let Session { shared, control, traffic, inbox, number } = self;
        let [events, own_events] = [(); 2].map(|()| Events::new(shared.lines.clone()));
        let both = [&*events, &*own_events];
        let client = tokio::select! {
            client = connect(shared, &events, Echo::Off) => client,
            () = shared.closing.notified() => return End::Closed,
        };
        let answering = tokio::select! {
            client = connect(shared, &own_events, Echo::On) => client,
            () = lost(&client, &events) => return ended_at_once(shared),
            () = shared.closing.notified() => return End::Closed,
        };
        let mut active = Active::new(&client, shared, inbox);
        let is_usable = tokio::select! {
            is_usable = begin(&mut active, [&client, &answering], both, shared) => is_usable,
            () = lost(&client, &events) => return ended_at_once(shared),
            () = shared.closing.notified() => return End::Closed,
        };
        if !is_usable {
            return End::Lost;
        }
        if number > 1 {
            inbox.gap(1);
        }
        shared.max_payload_bytes.store(client.max_payload(), Ordering::Relaxed);
        shared.connection.store(number, Ordering::Release);
        shared.set_error(None);
        if shared.lines.allows("connections to NATS") {
            log::info!(target: crate::LOG, "connected to NATS");
            warn_of_short_payloads(client.max_payload());
        }
        inbox.connected();
        let mut writer = Writer::new(&client, shared, [control, traffic], number);
        let end = tokio::select! {
            biased;
            () = lost(&client, &events) => End::Lost,
            () = shared.closing.notified() => End::Closed,
            () = refused(both) => End::Lost,
            () = probes(&client, shared) => End::Lost,
            () = follow(&mut active, &events, inbox) => End::Lost,
            () = writer.run() => End::Lost,
        };
        if end == End::Closed {
            let _ = timeout(FLUSH_TIMEOUT, writer.flush()).await;
        }
        note_refusal(both, shared);
        shared.connection.store(0, Ordering::Release);
        writer.clear();
        inbox.dropped(Reason::NotConnected, shared.unsent.swap(0, Ordering::Relaxed));
        for events in both {
            inbox.dropped(Reason::Refused, events.refused_publishes.load(Ordering::Relaxed));
        }
        match end {
            End::Lost if shared.lines.allows("connections to NATS that are lost") => {
                log::warn!(target: crate::LOG, "the connection to NATS is lost");
            }
            End::Lost => {}
            End::Closed => log::info!(target: crate::LOG, "the connection to NATS is closed"),
        }
        inbox.disconnected();
        end
    }
}

/// Subscribes, on the second connection to the probes of the first, and waits until the server knows it.
/// False if it cannot be used, and why is noted.
async fn begin(
    active: &mut Active<'_>,
    [client, answering]: [&Client; 2],
    events: [&Events; 2],
    shared: &Shared,
) -> bool {
    answer_probes(answering, shared).await;
    active.renew().await;
    is_usable(client, events, shared).await
}

fn ended_at_once(shared: &Shared) -> End {
    shared.fail("it ends the connection at once");
    End::Lost
}

/// Waits until something is refused.
async fn refused(events: [&Events; 2]) {
    let [one, other] = events.map(|events| events.is_refused.notified());
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

fn warn_of_short_payloads(max: usize) {
    if max < MIN_PAYLOAD_BYTES {
        log::warn!(
            target: crate::LOG,
            "max_payload of NATS is {max}: a cluster needs {MIN_PAYLOAD_BYTES}, and what is longer is dropped"
        );
    }
}

/// Follows the subscriptions that are wanted, and renews all where messages were dropped.
async fn follow(active: &mut Active<'_>, events: &Events, inbox: &Arc<dyn Inbox>) {
    loop {
        tokio::select! {
            () = active.follow() => return,
            () = events.is_slow.notified() => {}
            () = sleep(RENEWAL) => {
                active.note_untaken();
                continue;
            }
        }
        sleep(RENEWAL).await;
        let dropped = active.renew().await;
        // Reports that came meanwhile are of what was counted just now.
        let _ = events.is_slow.notified().now_or_never();
        log::warn!(target: crate::LOG, "messages were dropped, because they came too fast: {dropped}");
        inbox.gap(dropped);
    }
}
