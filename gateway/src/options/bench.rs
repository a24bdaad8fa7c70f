//! The command line of `sysconn bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use sysconn::ClientKind;
use sysconn::client::{Offer, Url};

use super::call::{CallData, hex};
use super::{Exit, HttpAddress, offer, value};

/// The most connections, idle ones included.
const MAX_CONNECTIONS: i64 = 1_000_000;
/// The most requests in flight on one connection.
const MAX_PIPELINE: i64 = 65_536;
/// The most requests a second.
const MAX_RATE: f64 = 10_000_000.0;
/// The longest Data of a request, in bytes.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// The arguments of `bench`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BenchTask {
    pub(crate) url: Url,
    pub(crate) offer: Offer,
    /// The roots to trust.
    pub(crate) ca: Option<PathBuf>,
    /// Offer permessage-deflate.
    pub(crate) deflate: bool,
    /// Send plain messages, which come back, in place of packets.
    pub(crate) echo: bool,
    /// The members of a room, each of whom receives what one says; `None`: no rooms.
    pub(crate) fan_out: Option<usize>,
    /// A number, or a name such as `echo.echo`.
    pub(crate) command: String,
    /// The Data of each request; `None`: a pattern of `size` bytes.
    pub(crate) data: CallData,
    pub(crate) size: usize,
    /// Replies to each request.
    pub(crate) replies: u32,
    /// Requests a second in all; `None`: a closed loop.
    pub(crate) rate: Option<f64>,
    /// The most requests in flight on one connection.
    pub(crate) pipeline: Option<usize>,
    pub(crate) connections: usize,
    /// Connections beside them that send heartbeats only.
    pub(crate) idle: usize,
    /// The time over which connections are opened.
    pub(crate) ramp: Duration,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// The requests after which a connection is closed and another is opened in its place.
    pub(crate) churn: Option<u32>,
    /// End such connections without a Close frame.
    pub(crate) without_close: bool,
    pub(crate) login: BenchLogin,
    /// The longest wait for a connection, for the last replies, and for the end.
    pub(crate) timeout: Duration,
    /// The server's process.
    pub(crate) pid: Option<u32>,
    /// The server's admin address, for its own figures.
    pub(crate) admin: Option<HttpAddress>,
    /// The file of its token.
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) output: BenchOutput,
}

impl BenchTask {
    /// Whether connections log in.
    pub(crate) fn logs_in(&self) -> bool {
        let login = &self.login;
        self.fan_out.is_some() || login.always || login.token_keys.is_some() || login.token.is_some()
    }
}

/// How connections log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BenchLogin {
    /// Log in, though nothing else asks for it.
    pub(crate) always: bool,
    /// The accounts have these names, with the number of the role at the end.
    pub(crate) account: String,
    /// The role of the first login; each login has the next.
    pub(crate) first_role: u64,
    pub(crate) kind: ClientKind,
    /// The file whose first key signs tokens.
    pub(crate) token_keys: Option<PathBuf>,
    /// A token in which `{role}` and `{account}` are replaced.
    pub(crate) token: Option<String>,
}

/// How the figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BenchOutput {
    Text,
    Json,
    Csv,
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(super) fn command() -> Command {
    Command::new("bench")
        .about("Put a server under load, and measure it")
        .display_name("sysconn")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .required(true)
                .value_parser(|text: &str| text.parse::<Url>())
                .help("The server: ws://HOST:PORT or wss://HOST:PORT, with a path if need be"),
        )
        .args(load())
        .group(ArgGroup::new("content").args(["text", "hex", "json", "size"]))
        .group(ArgGroup::new("data").args(["text", "hex", "json"]))
        .args(population())
        .args(logins())
        .args(offer::arguments())
        .args(measuring())
}

/// What is sent, and how often.
fn load() -> [Arg; 11] {
    let connections = value_parser!(u64).range(1..=MAX_CONNECTIONS.unsigned_abs());
    [
        switch("echo", "The server is any WebSocket echo: send plain messages in place of packets")
            .conflicts_with_all([
                "cmd",
                "data",
                "replies",
                "fan-out",
                "login",
                "token-keys",
                "token",
                "admin",
            ]),
        option("cmd", "COMMAND", "The command to call: its number, or its name").default_value("echo.echo"),
        option("size", "BYTES", "So many bytes of Data in each request [default: 64]").value_parser(size()),
        option("text", "TEXT", "Send this text as Data"),
        option("hex", "HEX", "Send these bytes as Data").value_parser(hex),
        option("json", "JSON", "Send the command's message with these fields as Data"),
        option("replies", "N", "The command has so many replies; without any, a rate is required")
            .value_parser(value_parser!(u32).range(..=65_535))
            .default_value("1"),
        option("fan-out", "N", "Join rooms of N members, and say texts in them (commands 1201 and 1203)")
            .value_parser(connections)
            .conflicts_with_all(["cmd", "data", "replies", "churn"]),
        option("rate", "N", "Open loop: send so many requests a second in all, whatever comes back")
            .value_parser(rate),
        option("pipeline", "N", "The most requests in flight on a connection [default: 1; with --rate 1024]")
            .value_parser(value_parser!(u64).range(1..=MAX_PIPELINE.unsigned_abs())),
        switch("deflate", "Compress messages (permessage-deflate)"),
    ]
}

/// The connections, and how long they are used.
fn population() -> [Arg; 8] {
    let count = |from: u64| value_parser!(u64).range(from..=MAX_CONNECTIONS.unsigned_abs());
    [
        option("connections", "N", "The connections that send").value_parser(count(1)).default_value("10"),
        option("idle", "N", "Open so many connections beside them that only keep themselves alive")
            .value_parser(count(0))
            .default_value("0"),
        option(
            "ramp",
            "DURATION",
            "Open the connections evenly over this time [default: as fast as it goes]",
        )
        .value_parser(duration(Duration::ZERO)),
        option("warmup", "DURATION", "Send so long before anything is measured [default: 1s]")
            .value_parser(duration(Duration::ZERO)),
        option("duration", "DURATION", "Measure so long [default: 10s]").value_parser(duration(SHORTEST)),
        option("churn", "N", "Close a connection after N requests, and open another in its place")
            .value_parser(value_parser!(u32).range(1..)),
        switch("without-close", "With --churn: end such connections at once, without a Close frame"),
        option(
            "timeout",
            "DURATION",
            "Wait so long for a connection, and at the end for replies [default: 10s]",
        )
        .value_parser(duration(SHORTEST)),
    ]
}

fn logins() -> [Arg; 6] {
    [
        switch("login", "Log in (command 1002), each connection with a role of its own; rooms need it"),
        option("account", "PREFIX", "Begin the accounts so; the role is added").default_value("bench-"),
        option("first-role", "NUMBER", "The first role; each login has the next")
            .value_parser(value_parser!(u64).range(1..))
            .default_value("1"),
        option("kind", "KIND", "Log in as tester, game-server or monitor")
            .value_parser(super::mint::kind)
            .default_value("tester"),
        option("token-keys", "FILE", "Sign the tokens of logins with the first key in this file")
            .value_parser(value_parser!(PathBuf)),
        option("token", "TEMPLATE", "The token of each login; {role} and {account} in it are replaced")
            .conflicts_with("token-keys"),
    ]
}

/// What is measured beside the replies.
fn measuring() -> [Arg; 5] {
    [
        option("ca", "FILE", "Trust the certificates in this PEM file [default: those of the system]")
            .value_parser(value_parser!(PathBuf)),
        option("pid", "PID", "The server's process: measure its CPU and memory too")
            .value_parser(value_parser!(u32).range(1..)),
        option("admin", "URL", "The server's admin address: compare with what the server has counted")
            .value_parser(|text: &str| text.parse::<HttpAddress>()),
        option("token-file", "FILE", "The file of the admin address's token")
            .value_parser(value_parser!(PathBuf)),
        option("output", "FORMAT", "Print the figures as text, json or csv")
            .value_parser(["text", "json", "csv"])
            .default_value("text"),
    ]
}

/// Reads the arguments, which clap has checked.
pub(super) fn read(matches: &ArgMatches) -> Result<BenchTask, Exit> {
    let missing = || Exit::Error("sysconn: expected <URL>".to_owned());
    let task = BenchTask {
        url: matches.get_one::<Url>("url").cloned().ok_or_else(missing)?,
        offer: offer::read(matches),
        ca: matches.get_one("ca").cloned(),
        deflate: matches.get_flag("deflate"),
        echo: matches.get_flag("echo"),
        fan_out: count(matches, "fan-out"),
        command: text(matches, "cmd").unwrap_or_default(),
        data: data(matches),
        size: matches.get_one("size").copied().unwrap_or(64),
        replies: matches.get_one("replies").copied().unwrap_or(1),
        rate: matches.get_one("rate").copied(),
        pipeline: count(matches, "pipeline"),
        connections: count(matches, "connections").unwrap_or(1),
        idle: count(matches, "idle").unwrap_or(0),
        ramp: matches.get_one("ramp").copied().unwrap_or_default(),
        warmup: matches.get_one("warmup").copied().unwrap_or(Duration::from_secs(1)),
        duration: matches.get_one("duration").copied().unwrap_or(Duration::from_secs(10)),
        churn: matches.get_one("churn").copied(),
        without_close: matches.get_flag("without-close"),
        login: BenchLogin {
            always: matches.get_flag("login"),
            account: text(matches, "account").unwrap_or_default(),
            first_role: matches.get_one("first-role").copied().unwrap_or(1),
            kind: matches.get_one("kind").copied().unwrap_or_default(),
            token_keys: matches.get_one("token-keys").cloned(),
            token: text(matches, "token"),
        },
        timeout: matches.get_one("timeout").copied().unwrap_or(Duration::from_secs(10)),
        pid: matches.get_one("pid").copied(),
        admin: matches.get_one("admin").cloned(),
        token_file: matches.get_one("token-file").cloned(),
        output: match text(matches, "output").as_deref() {
            Some("json") => BenchOutput::Json,
            Some("csv") => BenchOutput::Csv,
            _ => BenchOutput::Text,
        },
    };
    check(&task, matches).map(|()| task).map_err(|line| Exit::Error(format!("sysconn: bench: {line}")))
}

/// Checks what clap cannot: that the values go together.
fn check(task: &BenchTask, matches: &ArgMatches) -> Result<(), &'static str> {
    if task.replies == 0 && task.rate.is_none() {
        return Err("--replies 0: without replies only a --rate says when to send");
    }
    if task.replies == 0 && task.pipeline.is_some() {
        return Err("--pipeline: without replies nothing is in flight");
    }
    if !task.logs_in() {
        let is_given = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        for (name, line) in [
            ("account", "--account: expected --login beside it"),
            ("first-role", "--first-role: expected --login beside it"),
            ("kind", "--kind: expected --login beside it"),
        ] {
            if is_given(name) {
                return Err(line);
            }
        }
    }
    let connections = task.connections.saturating_add(task.idle) as u64;
    if task.login.first_role.checked_add(connections).is_none() {
        return Err("--first-role: expected fewer, so that each connection has a role of its own");
    }
    if task.without_close && task.churn.is_none() {
        return Err("--without-close: expected --churn beside it, which has connections end");
    }
    if task.token_file.is_some() && task.admin.is_none() {
        return Err("--token-file: expected --admin beside it, the address that the token is for");
    }
    let admin_has_tls = task.admin.as_ref().is_some_and(HttpAddress::is_tls);
    if task.ca.is_some() && !task.url.is_tls && !admin_has_tls {
        return Err("--ca: expected a wss:// URL, or --admin https://, whose certificates it is for");
    }
    match task.fan_out {
        Some(members) if !task.connections.is_multiple_of(members) => {
            Err("--fan-out: expected a divisor of --connections, so that all rooms have as many members")
        }
        Some(_) if task.size < MIN_TEXT_BYTES => Err("--fan-out: expected a --size of 16 or more"),
        _ => Ok(()),
    }
}

/// The shortest text that can be said in a room: it says when it was due.
const MIN_TEXT_BYTES: usize = 16;
/// The shortest time that can be measured or waited.
const SHORTEST: Duration = Duration::from_millis(1);

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

fn count(matches: &ArgMatches, name: &str) -> Option<usize> {
    matches.get_one::<u64>(name).and_then(|count| usize::try_from(*count).ok())
}

fn data(matches: &ArgMatches) -> CallData {
    match (text(matches, "text"), matches.get_one::<Vec<u8>>("hex"), text(matches, "json")) {
        (Some(text), _, _) => CallData::Text(text),
        (_, Some(bytes), _) => CallData::Hex(bytes.clone()),
        (_, _, Some(json)) => CallData::Json(json),
        (None, None, None) => CallData::None,
    }
}

fn duration(shortest: Duration) -> ValueParser {
    ValueParser::new(move |text: &str| {
        value::duration(text).filter(|duration| *duration >= shortest).ok_or("expected a time such as 10s")
    })
}

fn size() -> ValueParser {
    ValueParser::new(|text: &str| {
        value::size(text).filter(|bytes| *bytes <= MAX_SIZE).ok_or("expected at most 64MiB")
    })
}

/// Requests a second: `0.5` is one every two seconds.
fn rate(text: &str) -> Result<f64, &'static str> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let rate = text.parse().ok().filter(|rate| is_decimal && (0.001..=MAX_RATE).contains(rate));
    rate.ok_or("expected requests a second, 0.001 to 10000000")
}
