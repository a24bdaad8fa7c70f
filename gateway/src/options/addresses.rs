//! Checks that each address of the program is listed once.

use sysconn::config::Listen;

use super::load::Given;
use super::{Exit, Mode, Options, escape, last, refuse};

impl Options {
    /// The errors for addresses that are listed already, by whichever option: only one can listen there.
    pub(super) fn check_addresses(&self, given: &[&Given]) -> Vec<Exit> {
        let is_serve = self.mode == Mode::Serve;
        let admin = self.admin.listen.iter().filter(|_| is_serve).map(|listen| ("admin", listen));
        let page = self.is_dev().then_some(Listen::Tcp(self.dev_listen));
        let page = page.iter().map(|listen| ("dev-listen", listen));
        let mut before: Vec<(&str, &Listen)> = vec![];
        let mut problems = vec![];
        for (name, listen) in
            self.config.listen.iter().map(|listen| ("listen", listen)).chain(admin).chain(page)
        {
            // Each port 0 becomes another one.
            let is_chosen = matches!(listen, Listen::Tcp(address) if address.port() == 0);
            let other = before.iter().find(|(_, other)| *other == listen && !is_chosen);
            if let Some((other, _)) = other {
                let flag = format!("--{name}");
                let origin = last(given, name).map_or(&flag, |given| &given.origin);
                let value = escape::quoted(listen.to_string());
                problems.push(refuse(
                    origin,
                    &format!("an address that is not in --{other} already"),
                    &value,
                ));
            }
            before.push((name, listen));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{serve_error, serve_options};

    #[test]
    fn an_address_is_listed_once() {
        for arguments in [
            &["--listen", "127.0.0.1:9001", "--listen", "[::1]:9001", "--listen", "127.0.0.1:9002"][..],
            &["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            &["--listen", "unix:/a", "--admin", "unix:/b"],
            // Without --dev there is no page.
            &["--listen", "127.0.0.1:9003"],
        ] {
            serve_options(arguments);
        }
        for (arguments, origin, other) in [
            (&["--listen", "127.0.0.1:9001", "--listen", "127.0.0.1:9001"][..], "--listen", "--listen"),
            (&["--listen", "unix:/a", "--listen", "unix:/a"], "--listen", "--listen"),
            (&["--admin", "127.0.0.1:9001"], "--admin", "--listen"),
            (&["--listen", "unix:/a", "--admin", "unix:/a"], "--admin", "--listen"),
            (&["--listen", "127.0.0.1:9003", "--dev"], "--dev-listen", "--listen"),
            (&["--admin", "127.0.0.1:7", "--dev", "--dev-listen", "127.0.0.1:7"], "--dev-listen", "--admin"),
        ] {
            let line = serve_error(arguments);
            let expected =
                format!("sysconn: {origin}: expected an address that is not in {other} already, not ");
            assert!(line.starts_with(&expected), "{arguments:?}: {line}");
        }
    }
}
