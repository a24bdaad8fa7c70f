//! The command lines of `sysconn call` and `sysconn routes`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use sysconn::client::{Offer, Url};

use super::{Exit, LoginAs, login_as, offer, value};

/// The longest wait for a reply by default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The options that say as whom to log in.
const LOGIN: login_as::Names = ["account", "role", "platform", "zone", "kind"];

/// The arguments of `call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallTask {
    pub(crate) url: Url,
    pub(crate) offer: Offer,
    /// A number, or a name such as `room.join`.
    pub(crate) command: String,
    pub(crate) data: CallData,
    /// A token, which can be empty, and as whom to log in; `None`: do not log in.
    pub(crate) login: Option<(Token, LoginAs)>,
    /// A file of routes, as `sysconn routes --json` prints them.
    pub(crate) routes: Option<PathBuf>,
    /// A file of messages.
    pub(crate) proto: Option<PathBuf>,
    /// The roots to trust.
    pub(crate) ca: Option<PathBuf>,
    /// Print pushes afterwards, until the connection ends.
    pub(crate) listen: bool,
    /// How often to call; at least once.
    pub(crate) repeat: u32,
    pub(crate) timeout: Duration,
}

/// The token of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    None,
    Given(String),
    File(PathBuf),
}

/// The Data of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallData {
    None,
    Text(String),
    Hex(Vec<u8>),
    Json(String),
}

/// The arguments of `routes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoutesTask {
    pub(crate) json: bool,
    /// With the command that panics.
    pub(crate) diagnostics: bool,
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(super) fn command() -> Command {
    let path = || value_parser!(PathBuf);
    let [account, role, platform, zone, kind] = login_as::arguments(LOGIN);
    Command::new("call")
        .about("Call a command of a server, and print its reply")
        .display_name("sysconn")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .required(true)
                .value_parser(|text: &str| text.parse::<Url>())
                .help("The server: ws://HOST:PORT or wss://HOST:PORT, with a path if need be"),
        )
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .required(true)
                .help("Its number, or its name: room.join"),
        )
        .arg(option("text", "TEXT", "Send this text as Data"))
        .arg(option("hex", "HEX", "Send these bytes as Data").value_parser(hex))
        .arg(option("json", "JSON", "Send the command's message with these fields as Data"))
        .group(ArgGroup::new("data").args(["text", "hex", "json"]))
        .arg(
            option("login", "TOKEN", "Log in first (command 1002), with this token")
                .conflicts_with("token-file"),
        )
        .arg(option("token-file", "FILE", "Log in first, with the token in this file").value_parser(path()))
        .arg(account.help("Log in first, as this account [default: a JWT's]"))
        .arg(role.help("And with this role [default: a JWT's, or 1]"))
        .arg(platform.help("And this platform [default: a JWT's, or none]"))
        .arg(zone.help("And this zone [default: a JWT's, or 0]"))
        .arg(kind.help("As tester, game-server or monitor [default: a JWT's, or tester]"))
        .arg(
            option(
                "routes",
                "FILE",
                "Take names of commands from this file, as sysconn routes --json prints them",
            )
            .value_parser(path()),
        )
        .arg(option("proto", "FILE", "Take messages from this .proto file").value_parser(path()))
        .arg(
            option("ca", "FILE", "Trust the certificates in this PEM file [default: those of the system]")
                .value_parser(path()),
        )
        .args(offer::arguments())
        .arg(switch("listen", "Print pushes too, until the connection ends"))
        .arg(
            option("repeat", "N", "Call it so often, one call after the other")
                .value_parser(value_parser!(u32).range(1..))
                .default_value("1"),
        )
        .arg(
            option(
                "timeout",
                "DURATION",
                "Wait so long for the connection, the upgrade and each reply [default: 10s]",
            )
            .value_parser(timeout),
        )
}

/// Reads the arguments, which clap has checked.
pub(super) fn read(matches: &ArgMatches) -> Result<CallTask, Exit> {
    let missing = || Exit::Error("sysconn: expected <URL> and <COMMAND>".to_owned());
    let text = |name| matches.get_one::<String>(name).cloned();
    let data = match (text("text"), matches.get_one::<Vec<u8>>("hex"), text("json")) {
        (Some(text), _, _) => CallData::Text(text),
        (_, Some(bytes), _) => CallData::Hex(bytes.clone()),
        (_, _, Some(json)) => CallData::Json(json),
        (None, None, None) => CallData::None,
    };
    let token = match (text("login"), matches.get_one::<PathBuf>("token-file")) {
        (Some(token), _) => Token::Given(token),
        (None, Some(path)) => Token::File(path.clone()),
        (None, None) => Token::None,
    };
    let login = login_as::read(matches, LOGIN);
    let logs_in = token != Token::None || login != LoginAs::default();
    let url = matches.get_one::<Url>("url").cloned().ok_or_else(missing)?;
    let ca = matches.get_one::<PathBuf>("ca").cloned();
    if ca.is_some() && !url.is_tls {
        let line = "--ca: expected a wss:// URL, whose certificate it is for";
        return Err(Exit::Error(format!("sysconn: call: {line}")));
    }
    Ok(CallTask {
        url,
        offer: offer::read(matches),
        command: text("command").ok_or_else(missing)?,
        data,
        login: logs_in.then_some((token, login)),
        routes: matches.get_one("routes").cloned(),
        proto: matches.get_one("proto").cloned(),
        ca,
        listen: matches.get_flag("listen"),
        repeat: matches.get_one("repeat").copied().unwrap_or(1),
        timeout: matches.get_one("timeout").copied().unwrap_or(TIMEOUT),
    })
}

pub(super) fn routes_command() -> Command {
    Command::new("routes")
        .about("List the commands that serve answers")
        .display_name("sysconn")
        .arg(switch("json", "As JSON, with the names of their messages"))
        .arg(switch("diagnostics", "With the commands that serve has with --diagnostics"))
}

pub(super) fn read_routes(matches: &ArgMatches) -> RoutesTask {
    RoutesTask { json: matches.get_flag("json"), diagnostics: matches.get_flag("diagnostics") }
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    value::duration(text)
        .filter(|timeout| !timeout.is_zero())
        .ok_or("expected 1ms or more, with a unit (ms, s, m, h)")
}

/// Bytes from hex digits, with spaces where one likes.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|digit| *digit != ' ')
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits =
        digits.filter(|digits| digits.len().is_multiple_of(2)).ok_or("expected pairs of hex digits")?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
