//! One connection to NATS: connect, subscribe, pass messages on, until it is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, ServerAddr};
use tokio::time::{sleep, timeout};

use super::Shared;
use super::channel::Outgoing;
use super::credentials::Secret;
use super::events::Events;
use super::probe::{
    FIRST_PROBE_TIMEOUT, PING, PROBE_TIMEOUT, answer_probes, probe, probes, subscribe_to_probes,
};
use super::subscriptions::Active;
use super::writer::Writer;
use crate::bus::Inbox;

/// How often a connection is tried.
const RETRY: Duration = Duration::from_millis(250);
/// How long a server may take to say that it is there.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How often it is looked whether the connection is still the first.
const LOOK: Duration = Duration::from_millis(100);
/// How long the last messages may take at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(150);
/// The shortest time between two renewals of all subscriptions.
const RENEWAL: Duration = Duration::from_secs(1);
/// The messages that wait in the client library.
const CLIENT_MESSAGES: usize = 256;
/// As good as never: the client library is not to connect again by itself.
const NEVER: Duration = Duration::from_secs(1 << 30);

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
        let events = Arc::new(Events::default());
        let client = tokio::select! {
            client = connect(self.shared, &events) => client,
            () = self.shared.closing.notified() => return End::Closed,
        };
        let own_events = Arc::new(Events::default());
        let answering = tokio::select! {
            client = connect(self.shared, &own_events) => client,
            () = lost(&client, &events) => return End::Lost,
            () = self.shared.closing.notified() => return End::Closed,
        };
        let subscriber = tokio::select! {
            subscriber = subscribe_to_probes(&answering, self.shared) => subscriber,
            () = self.shared.closing.notified() => return End::Closed,
        };
        let Some(subscriber) = subscriber else { return End::Lost };
        // It ends with the runtime.
        drop(tokio::spawn(answer_probes(answering, subscriber)));
        let Session { shared, control, traffic, inbox, number } = self;
        let mut active = Active::new(&client, &shared.names.cluster, &shared.wanted, inbox);
        let is_ready = tokio::select! {
            is_ready = begin(&mut active, &client, [&events, &own_events], shared) => is_ready,
            () = lost(&client, &events) => false,
            () = shared.closing.notified() => return End::Closed,
        };
        if !is_ready {
            sleep(RETRY).await;
            return End::Lost;
        }
        if number > 1 {
            inbox.gap(1);
        }
        shared.max_payload_bytes.store(client.max_payload(), Ordering::Relaxed);
        shared.connection.store(number, Ordering::Release);
        shared.set_error(None);
        for events in [&events, &own_events] {
            events.is_ready.store(true, Ordering::Relaxed);
        }
        log::info!(target: crate::LOG, "connected to NATS");
        warn_of_short_payloads(client.max_payload());
        inbox.connected();
        let mut writer = Writer::new(&client, shared, [control, traffic], number);
        let end = tokio::select! {
            biased;
            () = lost(&client, &events) => End::Lost,
            () = shared.closing.notified() => End::Closed,
            () = probes(&client, shared) => End::Lost,
            () = follow(&mut active, &events, inbox) => End::Lost,
            () = writer.run() => End::Lost,
        };
        if end == End::Closed {
            let _ = timeout(FLUSH_TIMEOUT, writer.flush()).await;
        }
        shared.connection.store(0, Ordering::Release);
        writer.clear();
        match end {
            End::Lost => log::warn!(target: crate::LOG, "the connection to NATS is lost"),
            End::Closed => log::info!(target: crate::LOG, "the connection to NATS is closed"),
        }
        inbox.disconnected();
        end
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

/// Connects, however long it takes.
async fn connect(shared: &Shared, events: &Arc<Events>) -> Client {
    loop {
        let error = match servers(shared) {
            Ok(servers) => match options(shared, events).connect(servers).await {
                Ok(client) => {
                    events.was_connected.store(true, Ordering::Release);
                    return client;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        if shared.set_error(Some(error.clone())) {
            log::warn!(target: crate::LOG, "NATS cannot be reached: {error}");
        }
        sleep(RETRY).await;
    }
}

/// Subscribes, and waits until the server knows it. False if it does not answer, or refuses something on one
/// of the two connections.
async fn begin(active: &mut Active<'_>, client: &Client, events: [&Events; 2], shared: &Shared) -> bool {
    active.renew().await;
    let refusal = || events.iter().find_map(|events| events.refusal());
    let is_answered = probe(client, shared, FIRST_PROBE_TIMEOUT).await
        || (refusal().is_none() && probe(client, shared, PROBE_TIMEOUT).await);
    let error = match refusal() {
        Some(refused) => format!(
            "the user of this node may not do what every node does: {refused}; \
             it must publish and subscribe below sysconn.{}.",
            shared.names.cluster
        ),
        None if !is_answered => "it does not answer".to_owned(),
        None => return true,
    };
    if shared.set_error(Some(error.clone())) {
        log::warn!(target: crate::LOG, "NATS cannot be used: {error}");
    }
    false
}

fn servers(shared: &Shared) -> std::io::Result<Vec<ServerAddr>> {
    shared.config.servers.iter().map(|server| server.parse()).collect()
}

fn options(shared: &Shared, events: &Arc<Events>) -> ConnectOptions {
    let (names, config) = (&shared.names, &shared.config);
    let reported = events.clone();
    let delays = events.clone();
    let mut options = ConnectOptions::new()
        .name(names.node.as_str())
        .no_echo()
        .ping_interval(PING)
        .connection_timeout(CONNECT_TIMEOUT)
        .client_capacity(CLIENT_MESSAGES)
        .subscription_capacity(config.subscription_messages)
        .custom_inbox_prefix(format!("sysconn.{}.inbox.{}", names.cluster, names.node))
        .ignore_discovered_servers()
        .skip_subject_validation(true)
        .require_tls(config.is_tls())
        .reconnect_delay_callback(move |_| {
            if delays.was_connected.load(Ordering::Acquire) { NEVER } else { Duration::ZERO }
        })
        .event_callback(move |event| {
            reported.note(&event);
            std::future::ready(())
        });
    if let Some(ca) = &config.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&config.cert, &config.key) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    match config.credentials.as_ref().map(|credentials| credentials.0.clone()) {
        Some(Secret::Password(user, password)) => options.user_and_password(user, password),
        Some(Secret::Nkey(seed)) => options.nkey(seed),
        None => options,
    }
}

/// Waits until the connection is lost.
async fn lost(client: &Client, events: &Events) {
    loop {
        let is_first = client.statistics().connects.load(Ordering::Relaxed) == 1;
        if client.connection_state() != State::Connected || !is_first {
            return;
        }
        tokio::select! {
            () = events.disconnected.notified() => return,
            () = sleep(LOOK) => {}
        }
    }
}

/// Follows the subscriptions that are wanted, and renews all where messages were dropped.
async fn follow(active: &mut Active<'_>, events: &Events, inbox: &Arc<dyn Inbox>) {
    loop {
        tokio::select! {
            () = active.follow() => return,
            () = events.is_slow.notified() => {}
        }
        sleep(RENEWAL).await;
        let dropped = events.slow.swap(0, Ordering::Relaxed);
        if dropped == 0 {
            // They were counted with those before.
            continue;
        }
        log::warn!(target: crate::LOG, "messages were dropped, because they came too fast: {dropped}");
        active.renew().await;
        inbox.gap(dropped);
    }
}
