//! Binds a server's listeners, and does everything else that can fail, before the application's state exists.

use std::sync::Arc;

use super::admission::Admission;
use super::bind_error::BindError;
use super::listeners::Listeners;
use super::metrics;
use super::setup::ReactorSetup;
use super::shared::ServerShared;
use super::sys::listener::Listener;
use super::sys::poller::{Poller, Registry};
use super::sys::system::System;
use super::tokens::WAKER;
use crate::config::{Config, Recording};
use crate::mailbox::Mailbox;
use crate::mailboxes::Mailboxes;
use crate::presence::Told;
use crate::recording::Store;
use crate::roles::Roles;
use crate::router::{Application, Service};
use crate::topics::SharedTopics;

/// The most events that one poll returns.
pub(super) const EVENTS: usize = 1024;

/// A reactor without its application: its listeners are bound, and clients can connect.
pub(crate) struct Prepared {
    pub(super) poller: Poller,
    pub(super) setup: ReactorSetup,
}

/// A poll, and the mailbox whose mail wakes it.
struct Station {
    poller: Poller,
    registry: Registry,
    mailbox: Arc<Mailbox>,
}

impl Prepared {
    /// Binds the listeners of one reactor, and of `others` beside it.
    pub(crate) fn bind<S: Application>(
        config: &Config,
        service: &Service<S>,
        others: usize,
    ) -> Result<(Self, Vec<Self>), BindError> {
        Prepared::bind_on(&System::Real, config, service, others)
    }

    /// Binds the listeners on the real system, or on a simulated network.
    pub(crate) fn bind_on<S: Application>(
        system: &System,
        config: &Config,
        service: &Service<S>,
        others: usize,
    ) -> Result<(Self, Vec<Self>), BindError> {
        match service {
            Service::Packets(_) | Service::Any(_) => config.validate_for_packets()?,
            Service::Messages(_) => config.validate()?,
        }
        let first = Station::new(system, config)?;
        let mut stations = vec![];
        for _ in 0..others {
            stations.push(Station::new(system, config)?);
        }
        let mailboxes =
            std::iter::once(&first).chain(&stations).map(|station| station.mailbox.clone()).collect();
        let told = Told::new(config.presence.clone());
        let mut shared = ServerShared {
            mailboxes: Mailboxes::new::<S>(mailboxes),
            admission: Arc::new(Admission::new(config)),
            recordings: open_store(config)?,
            clock: system.clock(),
            topics: SharedTopics::new(1 + others, told.clone()),
            ticks_began: Arc::default(),
            metrics: None,
        };
        let began_unix_ms = shared.clock.unix_ms();
        let opened = Listener::open_all(system, config, 1 + others)?;
        let listening = opened.first().into_iter().flatten().filter_map(Listener::listening);
        shared.metrics = metrics::shared(config, service, listening, &shared);
        let mut opened = opened.into_iter();
        let mut roles = Roles::for_workers(1 + others, told).into_iter();
        let mut prepare = |worker, station: Station| {
            let Station { poller, registry, mailbox } = station;
            let opened = opened.next().unwrap_or_default();
            let listeners = Listeners::new(system.clone(), config, opened, &registry)?;
            let roles = roles.next().unwrap_or_default();
            let shared = shared.clone();
            Ok(Prepared {
                poller,
                setup: ReactorSetup { worker, registry, mailbox, listeners, roles, shared, began_unix_ms },
            })
        };
        let first = prepare(0, first)?;
        let others = (1..).zip(stations).map(|(worker, station)| prepare(worker, station));
        Ok((first, others.collect::<Result<_, BindError>>()?))
    }

    /// The number of the worker that runs this reactor.
    pub(crate) fn worker(&self) -> usize {
        self.setup.worker
    }

    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.setup.shared.mailboxes
    }
}

/// The store for recordings, if connections can be recorded.
fn open_store(config: &Config) -> Result<Option<Store>, BindError> {
    let Some(Recording { directory, .. }) = &config.recording else { return Ok(None) };
    Store::open(directory).map(Some).map_err(|error| BindError::Record(directory.clone(), error))
}

impl Station {
    fn new(system: &System, config: &Config) -> Result<Self, BindError> {
        let poller = system.poller(EVENTS)?;
        let registry = poller.registry()?;
        let mailbox = Arc::new(Mailbox::new(config.reactor.mailbox_limit, poller.waker(WAKER)?));
        Ok(Station { poller, registry, mailbox })
    }
}
