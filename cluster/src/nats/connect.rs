//! Connects to NATS, as the configuration says, and waits until the connection is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, ServerAddr};
use tokio::time::sleep;

use super::credentials::Secret;
use super::events::Events;
use super::probe::PING;
use super::{Shared, connect_error};

/// How often a connection is tried.
pub(super) const RETRY: Duration = Duration::from_millis(250);
/// How long a server may take to say that it is there.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How often it is looked whether the connection is still the first.
const LOOK: Duration = Duration::from_millis(500);
/// The messages that wait in the client library.
const CLIENT_MESSAGES: usize = 256;
/// As good as never: the client library is not to connect again by itself.
const NEVER: Duration = Duration::from_secs(1 << 30);

/// Whether a connection hears what it publishes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    On,
    Off,
}

/// Connects, however long it takes.
pub(super) async fn connect(shared: &Shared, events: &Arc<Events>, echo: Echo) -> Client {
    loop {
        let error = match servers(shared) {
            Ok(servers) => match options(shared, events, echo).connect(servers).await {
                Ok(client) => {
                    events.was_connected.store(true, Ordering::Release);
                    return client;
                }
                Err(error) => connect_error::in_words(&error, &shared.config),
            },
            Err(error) => error.to_string(),
        };
        shared.fail(&error);
        sleep(RETRY).await;
    }
}

fn servers(shared: &Shared) -> std::io::Result<Vec<ServerAddr>> {
    shared.config.servers.iter().map(|server| server.parse()).collect()
}

fn options(shared: &Shared, events: &Arc<Events>, echo: Echo) -> ConnectOptions {
    let (names, config) = (&shared.names, &shared.config);
    let reported = events.clone();
    let delays = events.clone();
    let mut options = ConnectOptions::new()
        .name(names.node.as_str())
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
    if echo == Echo::Off {
        options = options.no_echo();
    }
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
pub(super) async fn lost(client: &Client, events: &Events) {
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
