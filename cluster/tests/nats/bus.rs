//! A bus with an inbox that hands on what it is told.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sysconn_cluster::bus::{Bus, Inbox, Lane, SendError};
use sysconn_cluster::nats::{NatsBus, NatsConfig};
use sysconn_cluster::wire::{Header, Subject};
use sysconn_cluster::{Names, Reason};

/// Longer than anything takes here, on a slow machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// What an inbox was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Received(Subject, Bytes),
    Connected,
    Disconnected,
    Gap(u64),
    Dropped(Reason, u64),
}

struct Reporter {
    told: Sender<Told>,
    /// How long each message takes.
    slowness: Duration,
}

impl Reporter {
    fn tell(&self, told: Told) {
        let _ = self.told.send(told);
    }
}

impl Inbox for Reporter {
    fn received(&self, subscription: &Subject, payload: Bytes) {
        std::thread::sleep(self.slowness);
        if Header::read(&payload).is_ok_and(|header| header.sender.incarnation == 0) {
            // Another bus has tried what it may publish.
            return;
        }
        self.tell(Told::Received(subscription.clone(), payload));
    }

    fn connected(&self) {
        self.tell(Told::Connected);
    }

    fn disconnected(&self) {
        self.tell(Told::Disconnected);
    }

    fn gap(&self, count: u64) {
        self.tell(Told::Gap(count));
    }

    fn dropped(&self, reason: Reason, count: u64) {
        if count > 0 {
            self.tell(Told::Dropped(reason, count));
        }
    }

    fn tick(&self) {}
}

/// For figures that are printed; no test depends on them.
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A bus, and what its inbox was told.
pub(crate) struct TestBus {
    pub(crate) bus: Arc<NatsBus>,
    told: Receiver<Told>,
}

impl TestBus {
    pub(crate) fn start(name: &str, config: NatsConfig) -> Self {
        Self::start_slow(name, config, Duration::ZERO)
    }

    /// A bus whose messages take so long each.
    pub(crate) fn start_slow(name: &str, config: NatsConfig, slowness: Duration) -> Self {
        let bus = NatsBus::new(Names::new("test", name).unwrap(), config).unwrap();
        let (sender, told) = channel();
        bus.subscribe(&Subject::Nodes);
        bus.run(Arc::new(Reporter { told: sender, slowness })).unwrap();
        TestBus { bus, told }
    }

    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(LONG).expect("nothing is told in time")
    }

    /// What was told, if anything was.
    pub(crate) fn next_if_any(&self) -> Option<Told> {
        self.told.try_recv().ok()
    }

    /// Waits for this, and returns all that was told before.
    pub(crate) fn wait_for(&self, wanted: &Told) -> Vec<Told> {
        let mut before = vec![];
        loop {
            match self.next() {
                told if told == *wanted => return before,
                told => before.push(told),
            }
        }
    }

    /// Waits until it is connected again, and prints how long that took.
    pub(crate) fn wait_for_connection(&self, since: &str) -> Vec<Told> {
        let begin = now();
        let before = self.wait_for(&Told::Connected);
        println!("figure: connected {} ms after {since}", begin.elapsed().as_millis());
        before
    }

    pub(crate) fn connected(self) -> Self {
        self.wait_for(&Told::Connected);
        self
    }

    pub(crate) fn publish(&self, subject: &Subject, payload: &'static str) -> Result<(), SendError> {
        self.bus.publish(Lane::Control, subject, Bytes::from_static(payload.as_bytes()))
    }
}

impl Drop for TestBus {
    fn drop(&mut self) {
        self.bus.close();
    }
}

pub(crate) fn config(address: String) -> NatsConfig {
    NatsConfig { servers: vec![address], ..NatsConfig::default() }
}

pub(crate) fn received(subject: &Subject, payload: &'static str) -> Told {
    Told::Received(subject.clone(), Bytes::from_static(payload.as_bytes()))
}
