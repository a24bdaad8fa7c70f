//! Makes reactors that run on a simulated network.

use super::network::Network;
use crate::config::Config;
use crate::reactor::sys::system::System;
use crate::reactor::{BindError, Prepared, Reactor};
use crate::router::{Application, Service};
use crate::workers::Worker;

impl<S: Application> Reactor<S> {
    /// Makes a reactor on a simulated network instead of the system's: it listens there, sleeps there, and
    /// has its clock from there. Everything else is the same. TLS is not simulated.
    ///
    /// # Errors
    /// [`BindError`]: the configuration is not valid, or has TLS, or something listens on an address already.
    pub fn simulated(
        config: &Config,
        service: impl Into<Service<S>>,
        state: S,
        network: &Network,
    ) -> Result<Self, BindError> {
        let service = service.into();
        let (prepared, _) = prepare(config, &service, network, 0)?;
        Ok(Reactor::from_prepared(prepared, config, service, state))
    }

    /// Makes the reactors of [`Config::workers`] workers on a simulated network: [`Workers`](crate::Workers)
    /// without threads. The caller decides which of them turns next.
    ///
    /// All of them have the network's clock. Time passes in the poll of the one that turns, until something
    /// has happened to any of them.
    ///
    /// # Errors
    /// As for [`simulated`](Self::simulated).
    pub fn simulated_workers(
        config: &Config,
        service: impl Into<Service<S>>,
        mut state: impl FnMut(Worker<S>) -> S,
        network: &Network,
    ) -> Result<Vec<Self>, BindError> {
        let service = service.into();
        let (first, others) = prepare(config, &service, network, config.workers.saturating_sub(1))?;
        let finish = |prepared: Prepared| {
            let state = state(Worker::new(prepared.worker(), prepared.mailboxes().clone()));
            Reactor::from_prepared(prepared, config, service, state)
        };
        Ok(std::iter::once(first).chain(others).map(finish).collect())
    }
}

fn prepare<S: Application>(
    config: &Config,
    service: &Service<S>,
    network: &Network,
    others: usize,
) -> Result<(Prepared, Vec<Prepared>), BindError> {
    #[cfg(feature = "tls")]
    if config.tls.is_some() {
        return Err(BindError::System(std::io::ErrorKind::Unsupported.into()));
    }
    Prepared::bind_on(&System::Simulated(network.clone()), config, service, others)
}
