//! A node on NATS.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::cluster::{Cluster, Config};
use crate::host::Host;
use crate::nats::{NatsBus, NatsConfig, NatsConfigError};
use crate::system_clock::SystemClock;

/// Why a node did not start.
#[derive(Debug)]
pub enum StartError {
    /// NATS cannot be reached so.
    Config(NatsConfigError),
    /// The thread could not be started.
    Thread(io::Error),
}

impl Cluster {
    /// A node on NATS. It connects by itself, and again whenever the connection is lost, until
    /// [`good_bye`](Self::good_bye).
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config, nats: NatsConfig, host: Arc<dyn Host>) -> Result<Self, StartError> {
        let bus = NatsBus::new(config.names.clone(), nats).map_err(StartError::Config)?;
        let started = Self::with_bus(config, bus.clone(), Arc::new(SystemClock), host);
        bus.run(started.inbox).map_err(StartError::Thread)?;
        Ok(started.cluster)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(error) => error.fmt(f),
            StartError::Thread(error) => write!(f, "the cluster's thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
