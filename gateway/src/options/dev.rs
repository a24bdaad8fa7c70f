//! What `--dev` changes, and what it asks of other options.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use log::LevelFilter;
use sysconn::config::Listen;

use super::load::Given;
use super::{Exit, Mode, Options, escape, last, refuse};

/// The default of `--dev-listen`.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9003);

impl Options {
    /// Whether the server is for development.
    pub(crate) fn is_dev(&self) -> bool {
        self.dev && self.mode == Mode::Serve
    }

    /// With `--dev` the log is at debug unless it was given, and all addresses are of this machine. One of
    /// them is TCP: the page needs it.
    pub(super) fn check_dev(&mut self, given: &[&Given]) -> Result<(), Exit> {
        if !self.dev {
            return Ok(());
        }
        if last(given, "log").is_none() {
            self.log_level = LevelFilter::Debug;
        }
        self.refuse_exposed(given, "a loopback address beside --dev")?;
        let listen = &self.config.listen;
        if let (Some(first), false) = (listen.first(), listen.iter().any(|one| matches!(one, Listen::Tcp(_))))
        {
            let origin = last(given, "listen").map_or("--listen", |given| &given.origin);
            let expected = "a TCP address, with or without this one, for the page of --dev";
            return Err(refuse(origin, expected, &escape::quoted(first.to_string())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve_options;
    use super::*;

    #[test]
    fn the_log_is_at_debug_unless_it_was_given() {
        for (arguments, level) in [
            (&["--dev"][..], LevelFilter::Debug),
            (&["--dev", "--log", "warn"], LevelFilter::Warn),
            (&["--dev", "--log", "info"], LevelFilter::Info),
            (&["--dev=false"], LevelFilter::Info),
            (&[], LevelFilter::Info),
        ] {
            assert_eq!(serve_options(arguments).log_level, level, "{arguments:?}");
        }
    }
}
