//! Reactors of one server, each with all that it needs but the application's state.

use std::sync::Arc;

use super::accept::Listeners;
use super::admission::Admission;
use super::bind_error::BindError;
use super::core::Core;
use super::sys::clock::Clock;
use super::sys::listener::Listener;
use super::sys::poller::{Poller, Registry};
use super::sys::system::System;
use super::{EVENTS, Reactor, WAKER};
use crate::config::Config;
use crate::mailbox::Mailbox;
use crate::mailboxes::Mailboxes;
use crate::packet::Cipher;
use crate::recording::Store;
use crate::roles::Roles;
use crate::router::{Application, Service};

/// What the reactors of one server have in common.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) mailboxes: Mailboxes,
    pub(super) admission: Arc<Admission>,
    /// Where connections are recorded, if they are.
    pub(super) recordings: Option<Store>,
    pub(super) clock: Clock,
}

/// What a reactor was given when it was prepared, its poll aside.
pub(super) struct Parts {
    pub(super) worker: usize,
    pub(super) registry: Registry,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) listeners: Listeners,
    pub(super) roles: Roles,
    pub(super) shared: Shared,
    pub(super) began_unix_ms: u64,
}

/// A reactor whose listeners are bound, and which nobody turns yet.
pub(crate) struct Prepared {
    poller: Poller,
    parts: Parts,
}

/// A poll, and the mailbox whose mail wakes it.
struct Station {
    poller: Poller,
    registry: Registry,
    mailbox: Arc<Mailbox>,
}

impl Prepared {
    /// Binds the listeners of one reactor, and of so many others beside it.
    pub(crate) fn bind<S>(
        config: &Config,
        service: &Service<S>,
        others: usize,
    ) -> Result<(Self, Vec<Self>), BindError> {
        Prepared::bind_on(&System::Real, config, service, others)
    }

    /// Binds the listeners on the real system, or on a simulated network.
    pub(crate) fn bind_on<S>(
        system: &System,
        config: &Config,
        service: &Service<S>,
        others: usize,
    ) -> Result<(Self, Vec<Self>), BindError> {
        match service {
            Service::Packets(_) => config.validate_for_packets()?,
            Service::Messages(_) => config.validate()?,
        }
        let first = Station::new(system, config)?;
        let mut stations = vec![];
        for _ in 0..others {
            stations.push(Station::new(system, config)?);
        }
        let mailboxes =
            std::iter::once(&first).chain(&stations).map(|station| station.mailbox.clone()).collect();
        let shared = Shared {
            mailboxes: Mailboxes::new(mailboxes),
            admission: Arc::new(Admission::new(config)),
            recordings: open_store(config)?,
            clock: system.clock(),
        };
        let began_unix_ms = shared.clock.unix_ms();
        let mut opened = Listener::open_all(system, config, 1 + others)?.into_iter();
        let mut roles = Roles::for_workers(1 + others).into_iter();
        let mut prepare = |worker, station: Station| {
            let Station { poller, registry, mailbox } = station;
            let opened = opened.next().unwrap_or_default();
            let listeners = Listeners::new(system.clone(), config, opened, &registry)?;
            let roles = roles.next().unwrap_or_default();
            let shared = shared.clone();
            Ok(Prepared {
                poller,
                parts: Parts { worker, registry, mailbox, listeners, roles, shared, began_unix_ms },
            })
        };
        let first = prepare(0, first)?;
        let others = (1..).zip(stations).map(|(worker, station)| prepare(worker, station));
        Ok((first, others.collect::<Result<_, BindError>>()?))
    }

    /// The number of the worker that the reactor is.
    pub(crate) fn worker(&self) -> usize {
        self.parts.worker
    }

    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.parts.shared.mailboxes
    }

    pub(crate) fn finish<S: Application>(
        self,
        config: &Config,
        service: Service<S>,
        state: S,
        cipher: Option<Box<dyn Cipher>>,
    ) -> Reactor<S> {
        let Prepared { poller, parts } = self;
        let clock = parts.shared.clock.clone();
        let core = Core::new(config, service, state, cipher, parts);
        Reactor { poller, clock, spin: config.spin, ended: None, core }
    }
}

/// The store for recordings, if connections are to be recorded.
fn open_store(config: &Config) -> Result<Option<Store>, BindError> {
    let Some(directory) = &config.record else { return Ok(None) };
    Store::open(directory).map(Some).map_err(|error| BindError::Record(directory.clone(), error))
}

impl Station {
    fn new(system: &System, config: &Config) -> Result<Self, BindError> {
        let poller = system.poller(EVENTS)?;
        let registry = poller.registry()?;
        let mailbox = Arc::new(Mailbox::new(config.mailbox_limit, poller.waker(WAKER)?));
        Ok(Station { poller, registry, mailbox })
    }
}
