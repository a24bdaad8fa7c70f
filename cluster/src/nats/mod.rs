//! The bus over NATS: a thread with a runtime of its own, and bounded channels to it.

mod access;
mod channel;
mod config;
mod connect;
mod connect_error;
mod credentials;
mod events;
mod lines;
mod probe;
mod scheduling;
mod session;
mod subscriptions;
mod thread;
mod writer;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

pub use channel::{MAX_CONTROL_BYTES, MAX_CONTROL_MESSAGES, MAX_TRAFFIC_BYTES, MAX_TRAFFIC_MESSAGES};
pub use config::{NatsConfig, NatsConfigError};
pub use credentials::{Credentials, CredentialsError};

use crate::bus::{Bus, BusStatus, Inbox, Lane, SendError};
use crate::names::Names;
use crate::wire::{Subject, TopicPush};
use channel::{Channel, Item, channel};
use lines::Lines;
use subscriptions::Wanted;

/// How long the end of the bus may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// A connection to NATS that is made again whenever it is lost.
pub struct NatsBus {
    shared: Arc<Shared>,
    control: Channel,
    traffic: Channel,
    /// What the thread is made of, until it runs.
    waiting: Mutex<Option<thread::Parts>>,
    running: Mutex<Option<Running>>,
}

/// The thread that runs.
struct Running {
    id: ThreadId,
    /// Closed when the thread has ended.
    ended: mpsc::Receiver<()>,
}

/// What the thread and the others share.
struct Shared {
    names: Names,
    config: NatsConfig,
    /// The number of the connection; 0 while there is none.
    connection: AtomicU64,
    max_payload_bytes: AtomicUsize,
    error: Mutex<Option<String>>,
    /// The subject of the publish that was refused last, until a connection may publish there.
    refused: Mutex<Option<String>>,
    /// Messages that were accepted and not sent, since their connection has ended, and not yet counted.
    unsent: AtomicU64,
    /// Messages that were taken from the client library.
    taken: Arc<AtomicU64>,
    lines: Arc<Lines>,
    wanted: Wanted,
    closing: Notify,
}

impl NatsBus {
    /// A bus that does nothing before [`run`](Self::run).
    ///
    /// # Errors
    /// [`NatsConfigError`].
    pub fn new(names: Names, config: NatsConfig) -> Result<Arc<Self>, NatsConfigError> {
        config.check()?;
        let shared = Arc::new(Shared {
            names,
            config,
            connection: AtomicU64::new(0),
            max_payload_bytes: AtomicUsize::new(0),
            error: Mutex::default(),
            refused: Mutex::default(),
            unsent: AtomicU64::new(0),
            taken: Arc::default(),
            lines: Arc::default(),
            wanted: Wanted::default(),
            closing: Notify::new(),
        });
        let (control, control_out) = channel(MAX_CONTROL_MESSAGES, MAX_CONTROL_BYTES);
        let (traffic, traffic_out) = channel(MAX_TRAFFIC_MESSAGES, MAX_TRAFFIC_BYTES);
        let parts = thread::Parts { shared: shared.clone(), control: control_out, traffic: traffic_out };
        let waiting = Mutex::new(Some(parts));
        Ok(Arc::new(NatsBus { shared, control, traffic, waiting, running: Mutex::default() }))
    }

    /// Starts the thread, which connects and calls the inbox. A second call does nothing.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn run(&self, inbox: Arc<dyn Inbox>) -> io::Result<()> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(parts) = waiting else { return Ok(()) };
        let (running, ended) = mpsc::channel();
        let thread = std::thread::Builder::new().name("sysconn-cluster".to_owned()).spawn(move || {
            scheduling::work_in_batches();
            parts.run(&inbox);
            drop(running);
        })?;
        let running = Running { id: thread.thread().id(), ended };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }
}

impl Bus for NatsBus {
    fn publish(&self, lane: Lane, subject: &Subject, payload: Bytes) -> Result<(), SendError> {
        let (connection, max_payload) = self.shared.connection()?;
        if payload.len() > max_payload {
            return Err(SendError::TooLarge);
        }
        let channel = match lane {
            Lane::Control => &self.control,
            Lane::Traffic => &self.traffic,
        };
        let item = Item { subject: subject.clone(), payload, connection, count: 1 };
        if channel.push(item) { Ok(()) } else { Err(SendError::Full) }
    }

    fn publish_push(&self, push: &TopicPush<'_>) -> Result<(), SendError> {
        let (connection, max_payload) = self.shared.connection()?;
        self.traffic.push_to_topic(push, connection, max_payload)
    }

    fn subscribe(&self, subject: &Subject) {
        self.shared.wanted.add(subject);
    }

    fn unsubscribe(&self, subject: &Subject) {
        self.shared.wanted.remove(subject);
    }

    fn set_alone(&self, is_alone: bool) {
        // To wake the thread for each burst costs more than what it then does.
        self.traffic.set_patient(is_alone);
    }

    fn status(&self) -> BusStatus {
        BusStatus {
            is_connected: self.shared.connection.load(Ordering::Acquire) != 0,
            queue_bytes: self.control.bytes() + self.traffic.bytes(),
            error: self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn close(&self) {
        self.shared.closing.notify_one();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The thread itself cannot wait for its own end.
        if let Some(running) = running.filter(|running| running.id != std::thread::current().id()) {
            let _ = running.ended.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.shared.closing.notify_one();
    }
}

impl Shared {
    /// The number of the connection, and the most bytes of a payload that its server takes.
    fn connection(&self) -> Result<(u64, usize), SendError> {
        match self.connection.load(Ordering::Acquire) {
            0 => Err(SendError::NotConnected),
            number => Ok((number, self.max_payload_bytes.load(Ordering::Relaxed))),
        }
    }

    /// Notes why there is no connection. True if that is news.
    fn set_error(&self, error: Option<String>) -> bool {
        let mut known = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *known != error;
        *known = error;
        is_news
    }

    /// Notes why there is no connection, with the addresses of NATS, and says so if that is news.
    fn fail(&self, why: &str) {
        let error = format!("{}: {why}", self.config.servers.join(", "));
        if self.set_error(Some(error.clone())) && self.lines.allows("why NATS cannot be used") {
            log::warn!(target: crate::LOG, "NATS cannot be used: {error}");
        }
    }

    fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_refused(&self, subject: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = subject;
    }
}
