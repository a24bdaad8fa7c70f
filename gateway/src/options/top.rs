//! The command line of `sysconn top`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{Exit, HttpAddress};

/// The arguments of `top`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopTask {
    pub(crate) address: HttpAddress,
    /// The file of the server's token.
    pub(crate) token_file: Option<PathBuf>,
    /// The roots to trust.
    pub(crate) ca: Option<PathBuf>,
    /// Print the figures once, as text.
    pub(crate) once: bool,
}

pub(super) fn command() -> Command {
    let file = |name: &'static str| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf))
    };
    Command::new("top")
        .about("Show the figures of a running server, and its connections, in the terminal")
        .display_name("sysconn")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .value_parser(|text: &str| text.parse::<HttpAddress>())
                .default_value("http://127.0.0.1:9091")
                .help("The server's --admin address: http://HOST:PORT, https://HOST:PORT or unix:PATH"),
        )
        .arg(
            file("token-file")
                .help("The token of the server's --admin-token-file: for kick and debug, and off loopback"),
        )
        .arg(file("ca").help("Trust the certificates in this PEM file [default: those of the system]"))
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("Print the figures once, as lines for scripts"),
        )
}

/// Reads the arguments, which clap has checked.
pub(super) fn read(matches: &ArgMatches) -> Result<TopTask, Exit> {
    let missing = || Exit::Error("sysconn: expected <URL>".to_owned());
    let address = matches.get_one::<HttpAddress>("url").cloned().ok_or_else(missing)?;
    let ca = matches.get_one::<PathBuf>("ca").cloned();
    if ca.is_some() && !address.is_tls() {
        let line = "--ca: expected an https:// URL, whose certificate it is for";
        return Err(Exit::Error(format!("sysconn: top: {line}")));
    }
    Ok(TopTask {
        address,
        token_file: matches.get_one("token-file").cloned(),
        ca,
        once: matches.get_flag("once"),
    })
}
