//! The options of the admin server.

use std::path::PathBuf;
use std::time::Duration;

use sysconn::config::{Config, Listen};

use super::Options;

/// The default of `--stall-warning`.
const STALL_WARNING: Duration = Duration::from_millis(50);

/// Where `serve` can be looked at and acted on, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct AdminOptions {
    /// The address. Without it there is no admin server.
    pub(crate) listen: Option<Listen>,
    /// The file of its token.
    pub(crate) token_file: Option<PathBuf>,
    /// How long a turn may take before the watchdog warns.
    pub(crate) stall_warning: Option<Duration>,
}

impl Default for AdminOptions {
    fn default() -> Self {
        AdminOptions { listen: None, token_file: None, stall_warning: Some(STALL_WARNING) }
    }
}

impl AdminOptions {
    /// The warnings of a configuration beside this admin server, whose Unix socket has the mode of those for
    /// clients.
    pub(crate) fn warnings_beside(&self, config: &Config) -> Vec<String> {
        let mut config = config.clone();
        if matches!(self.listen, Some(Listen::Unix(_))) {
            config.listeners.socket_mode = None;
        }
        config.warnings()
    }
}

impl Options {
    /// A line for the log about an option that has no effect without the admin server, or about an admin
    /// server that answers almost nothing.
    pub(crate) fn admin_warning(&self) -> Option<String> {
        let AdminOptions { listen, token_file, stall_warning } = &self.admin;
        let option = match (listen, token_file) {
            (Some(Listen::Tcp(address)), None) if !address.ip().is_loopback() => {
                return Some(format!(
                    "--admin {address} is no loopback address: without --admin-token-file it answers health checks \
                     alone"
                ));
            }
            (Some(_), _) => return None,
            (None, Some(_)) => "--admin-token-file",
            (None, None) if *stall_warning != Some(STALL_WARNING) => "--stall-warning",
            (None, None) => return None,
        };
        Some(format!("{option} has no effect without --admin"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve_options;

    #[test]
    fn the_mode_of_sockets_is_for_the_admin_server_too() {
        let mode = ["--socket-mode", "660"];
        for (arguments, warns) in
            [(&[][..], true), (&["--admin", "127.0.0.1:0"], true), (&["--admin", "unix:/tmp/admin"], false)]
        {
            let options = serve_options(&[&mode, arguments].concat());
            let lines = options.admin.warnings_beside(&options.config);
            assert_eq!(
                lines.iter().any(|line| line.contains("socket-mode")),
                warns,
                "{arguments:?}: {lines:?}"
            );
        }
    }

    #[test]
    fn options_without_effect_are_named() {
        for (arguments, expected) in [
            (&[][..], None),
            (&["--admin", "127.0.0.1:0"], None),
            (&["--admin", "unix:/tmp/admin", "--stall-warning", "1s"], None),
            (&["--admin", "0.0.0.0:0", "--admin-token-file", "token"], None),
            (&["--admin", "0.0.0.0:0"], Some("--admin 0.0.0.0:0 is no loopback address: ")),
            (&["--admin", "[::ffff:127.0.0.1]:0"], Some("is no loopback address: ")),
            (&["--admin-token-file", "token"], Some("--admin-token-file has no effect without --admin")),
            (&["--stall-warning", "0"], Some("--stall-warning has no effect without --admin")),
        ] {
            let warning = serve_options(arguments).admin_warning();
            let is_right = match (&warning, expected) {
                (Some(warning), Some(expected)) => warning.contains(expected),
                (None, None) => true,
                _ => false,
            };
            assert!(is_right, "{arguments:?}: {warning:?}");
        }
    }
}
