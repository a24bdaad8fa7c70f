//! Listening sockets of systemd among the addresses of `--listen`.

use sysconn::config::{Config, Inherited, Listen};

use super::Options;

/// A listening socket that was passed.
#[derive(Debug)]
pub(crate) struct PassedSocket {
    /// Its `FileDescriptorName=`; `unknown`, as systemd has it, if it has none.
    pub(crate) name: String,
    pub(crate) listener: Inherited,
}

/// Which of the sockets that systemd passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FromSystemd {
    All,
    /// Those with this `FileDescriptorName=`.
    Named(String),
}

impl FromSystemd {
    /// `systemd`, or `systemd:NAME`.
    pub(super) fn parse(text: &str) -> Option<FromSystemd> {
        match text.strip_prefix("systemd")? {
            "" => Some(FromSystemd::All),
            rest => {
                let is_name = |name: &&str| !name.is_empty() && !name.contains(':');
                rest.strip_prefix(':').filter(is_name).map(|name| FromSystemd::Named(name.to_owned()))
            }
        }
    }

    fn takes(&self, name: &str) -> bool {
        match self {
            FromSystemd::All => true,
            FromSystemd::Named(wanted) => wanted == name,
        }
    }
}

impl Options {
    /// The configuration, with an address in the place of sockets that are not there yet.
    pub(super) fn with_inherited_assumed(&self) -> Config {
        let mut config = self.config.clone();
        if config.listen.is_empty() && !self.from_systemd.is_empty() {
            config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        }
        config
    }

    /// Takes the sockets of systemd that `--listen` asks for.
    ///
    /// # Errors
    /// One line: there is none of that name, or other machines can connect to one and may not.
    pub(crate) fn inherit(&mut self, mut passed: Vec<PassedSocket>) -> Result<(), String> {
        for wanted in std::mem::take(&mut self.from_systemd) {
            let mut taken = passed.extract_if(.., |socket| wanted.takes(&socket.name)).peekable();
            if taken.peek().is_none() {
                let named = match &wanted {
                    FromSystemd::All => String::new(),
                    FromSystemd::Named(name) => format!(" with FileDescriptorName={name}"),
                };
                return Err(format!("--listen: systemd has passed no socket{named} (LISTEN_FDS)"));
            }
            self.config.listeners.inherited.extend(taken.map(|socket| socket.listener));
        }
        if !passed.is_empty() {
            let count = passed.len();
            log::warn!(
                "{count} sockets of systemd are not used: --listen systemd would accept clients there"
            );
        }
        let mut addresses = self.config.listeners.inherited.iter().filter_map(Inherited::tcp_address);
        match addresses.find(|address| !address.ip().to_canonical().is_loopback()) {
            Some(address) if self.is_for_this_machine() => Err(format!(
                "--listen: expected a socket of systemd with a loopback address, not {address}, or \
                 --token-keys or --jwt-keys to check logins, or --auth open to believe every one, and no --dev"
            )),
            _ => Ok(()),
        }
    }
}
