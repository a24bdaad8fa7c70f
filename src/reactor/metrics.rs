//! Makes the metrics of a server and the meters of its reactors.

use std::sync::Arc;

use super::shared::ServerShared;
use super::sys::clock::Clock;
use crate::config::{Config, Listen, Overflow};
use crate::mailbox::Mailbox;
use crate::mailboxes::Mailboxes;
use crate::metrics::{Elsewhere, Meter, RouteLabels, Routes, SharedMetrics, Stamp};
use crate::recording::Store;
use crate::router::{Application, Service};
use crate::topics::SharedTopics;

/// The metrics of a server, if they are on. `listening` are the addresses of its listeners.
pub(super) fn shared<S: Application>(
    config: &Config,
    service: &Service<S>,
    listening: impl Iterator<Item = Listen>,
    server: &ServerShared,
) -> Option<Arc<SharedMetrics>> {
    if !config.has_metrics() {
        return None;
    }
    let figures = Figures {
        mailboxes: server.mailboxes.clone(),
        topics: server.topics.clone(),
        recordings: server.recordings.clone(),
        clock: server.clock.clone(),
    };
    Some(Arc::new(SharedMetrics::new(
        server.mailboxes.count(),
        routes(service),
        listening.map(|address| address.to_string()).collect(),
        config.limits.max_connections,
        Box::new(figures),
    )))
}

fn routes<S: Application>(service: &Service<S>) -> Routes {
    let Service::Packets(router) = service else { return Routes::of_any() };
    let labels = router.routes().map(|route| RouteLabels {
        cmd: route.cmd,
        module: route.module,
        name: route.name,
        access: route.access,
    });
    Routes::of_table(labels.collect())
}

/// The meter of one worker.
pub(super) fn meter(shared: &ServerShared, worker: usize, overflow: Overflow) -> Meter {
    let Some(metrics) = &shared.metrics else { return Meter::default() };
    let Some(numbers) = metrics.workers.get(worker) else { return Meter::default() };
    let clock = shared.clock.clone();
    Meter::new(numbers.clone(), metrics.routes.clone(), Box::new(move || clock.stamp_now()), overflow)
}

/// Figures that the workers share with other threads.
struct Figures {
    mailboxes: Mailboxes,
    topics: SharedTopics,
    recordings: Option<Store>,
    clock: Clock,
}

impl Elsewhere for Figures {
    fn mailbox_depth(&self, worker: usize) -> u64 {
        self.mailboxes.get(worker).map_or(0, Mailbox::depth) as u64
    }

    fn mailbox_full(&self, worker: usize) -> u64 {
        self.mailboxes.get(worker).map_or(0, Mailbox::times_full)
    }

    fn topics(&self) -> (u64, u64) {
        let (topics, publishes, _) = self.topics.counted();
        (topics as u64, publishes as u64)
    }

    fn recordings(&self) -> u64 {
        self.recordings.as_ref().map_or(0, Store::under_way) as u64
    }

    fn now(&self) -> (Stamp, u64) {
        (self.clock.stamp_now(), self.clock.unix_ms())
    }
}
