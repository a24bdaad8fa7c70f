//! Makes a reactor that runs on a simulated network.

use super::network::Network;
use crate::config::Config;
use crate::reactor::sys::system::System;
use crate::reactor::{BindError, Prepared, Reactor};
use crate::router::{Application, Service};

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
        #[cfg(feature = "tls")]
        if config.tls.is_some() {
            return Err(BindError::System(std::io::ErrorKind::Unsupported.into()));
        }
        let (prepared, _) = Prepared::bind_on(&System::Simulated(network.clone()), config, &service, 0)?;
        Ok(Reactor::from_prepared(prepared, config, service, state))
    }
}
