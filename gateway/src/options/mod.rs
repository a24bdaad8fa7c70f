//! The options of the program: command line before file before environment, all from one table.

mod command;
mod environment;
mod escape;
mod file;
mod kind;
mod nearest;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;
use sysconn::config::{Config, ConfigError, Listen, MAX_LEN, MIN_RECORD_LIMIT, PACKET_OVERHEAD_BYTES};
use sysconn::packet::REQUEST_HEADER_BYTES;

use command::CommandLine;
use environment::Environment;
use table::Entry;

pub(crate) use escape::long as shown;
pub(crate) use file::read;

/// Why no message may be shorter where packets are served.
const HEADER: &str = "the header that every packet has";

/// Which program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The game gateway.
    Serve,
    /// Plain RFC 6455 echo.
    Echo,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// `[TIME LEVEL TARGET] EVENT NAME=VALUE ...`
    #[default]
    Text,
    /// One object on each line: `time`, `level`, `target`, `message`, and the fields of the line. Ids and
    /// roles are strings, since many readers of JSON round numbers above 2^53.
    Json,
}

/// All that the program is told when it starts.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    /// The gateway's limits and timers, validated.
    pub(crate) config: Config,
    /// The file of the certificate chain that TCP listeners speak TLS with.
    pub(crate) tls_cert: Option<PathBuf>,
    /// The file of its private key.
    pub(crate) tls_key: Option<PathBuf>,
    /// The least severe messages that are logged.
    pub(crate) log_level: LevelFilter,
    /// How they are written.
    pub(crate) log_format: LogFormat,
    /// Whether `serve` has command 1106, whose handler panics.
    pub(crate) diagnostics: bool,
    /// The file of the keys that logins are signed with. Without it `serve` believes all of them.
    pub(crate) token_keys: Option<PathBuf>,
    /// Whether `serve` may believe logins on any address. Without it there are keys, or all of
    /// `config.listen` is loopback or a Unix domain socket, or the program is `echo`.
    pub(crate) open_auth: bool,
    /// The CPU that the reactor is to be pinned to.
    pub(crate) cpu: Option<usize>,
    /// Names of environment variables that begin with `SYSCONN_` but are no option's, escaped and
    /// sorted. They end nothing, because container platforms invent such names; a warning is due.
    pub(crate) ignored_environment: Vec<String>,
}

/// Why the program ends before it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Help or version was asked for: this text is for standard output, and the status is 0.
    Help(String),
    /// One line without its line end, for standard error; the status is 2.
    Error(String),
}

/// What the program is to do, and what is known of how to serve.
#[derive(Clone, Debug)]
pub(crate) enum Task<S = Box<Options>> {
    /// To serve.
    Serve(S),
    /// To go through a recording again.
    Replay(Replay),
}

/// A recording, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) file: PathBuf,
    /// It is to be listed, and not replayed.
    pub(crate) show: bool,
}

/// What the command line and the environment say of serving. The file that they may name is yet to be read.
pub(crate) struct Sources {
    command: CommandLine,
    environment: Environment,
}

/// What one source says about one option.
struct Given {
    entry: &'static Entry,
    /// Where it was given, such as `--max-len` or `FILE: max_len`.
    origin: String,
    /// One value, or any number for a repeatable option.
    values: Vec<OsString>,
}

#[cfg(test)]
fn load_with(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
    read: impl Fn(&Path) -> io::Result<Vec<u8>>,
) -> Result<Task, Exit> {
    Ok(match sources(args, env)? {
        Task::Serve(sources) => Task::Serve(Box::new(sources.options(read)?)),
        Task::Replay(replay) => Task::Replay(replay),
    })
}

/// What is to be done, from the arguments, the program's own name first, and from the environment. Nothing is
/// read yet.
///
/// # Errors
/// [`Exit::Help`] when that was asked for; else [`Exit::Error`] for the first thing found wrong.
pub(crate) fn sources(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Task<Sources>, Exit> {
    Ok(match command::parse(args)? {
        Task::Serve(command) => Task::Serve(Sources { command, environment: environment::parse(env) }),
        Task::Replay(replay) => Task::Replay(replay),
    })
}

impl Sources {
    /// The options, with those of the file that is named, if one is. That can take any time, as can the
    /// search for the addresses of hosts.
    ///
    /// A value that is wrong is an error even where a source of higher precedence has another one.
    ///
    /// # Errors
    /// [`Exit::Error`] for the first thing found wrong.
    pub(crate) fn options(&self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Options, Exit> {
        let file = match self.command.file.as_ref().or(self.environment.file.as_ref()) {
            Some(path) => file::parse(path, read(path))?,
            None => Vec::new(),
        };
        let given: Vec<&Given> =
            self.environment.given.iter().chain(&file).chain(&self.command.given).collect();
        let mut options = Options::new(self.command.mode);
        options.ignored_environment.clone_from(&self.environment.ignored);
        for one in &given {
            options.apply(one)?;
        }
        options.settle(&given)?;
        Ok(options)
    }
}

impl Options {
    /// What holds where nothing is given.
    fn new(mode: Mode) -> Options {
        let mut config = Config::default();
        if mode == Mode::Echo {
            config.listen = vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 9002)))];
            // What an echo is told to compress it compresses.
            config.deflate_above = 0;
        }
        Options {
            mode,
            config,
            tls_cert: None,
            tls_key: None,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
            diagnostics: false,
            token_keys: None,
            open_auth: false,
            cpu: None,
            ignored_environment: Vec::new(),
        }
    }

    fn apply(&mut self, given: &Given) -> Result<(), Exit> {
        let kind = &given.entry.kind;
        kind.clear(self);
        for value in &given.values {
            let accepted = value.to_str().and_then(|text| kind.set(self, text));
            if accepted.is_none() {
                let reason = value.to_str().and_then(|text| kind.reason(text));
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                let shown = format!("{}{reason}", escape::quoted(value));
                return Err(refuse(&given.origin, kind.expected(), &shown));
            }
        }
        Ok(())
    }

    /// Fills in what follows from other options, and checks how they go together.
    fn settle(&mut self, given: &[&Given]) -> Result<(), Exit> {
        if self.mode == Mode::Echo {
            // There are no packets and no logins to check for.
            self.config.client_check = Duration::ZERO;
            self.config.account_check = Duration::ZERO;
            // So is a limit that a login would lift.
            self.config.max_len_before_login = 0;
        }
        // The default suits messages up to the default length.
        if last(given, "outbox-limit").is_none() && self.config.max_len > MAX_LEN {
            self.config.outbox_limit = Config::outbox_limit_for(self.config.max_len);
        }
        let valid = match self.mode {
            Mode::Serve => self.config.validate_for_packets(),
            Mode::Echo => self.config.validate(),
        };
        valid.map_err(|error| self.conflict(error, given))?;
        match (self.mode, &self.token_keys, self.open_auth) {
            (Mode::Echo, _, _) | (Mode::Serve, Some(_), false) | (Mode::Serve, None, true) => Ok(()),
            (Mode::Serve, None, false) => self.check_loopback(given),
            (Mode::Serve, Some(_), true) => {
                let origin = last(given, "auth").map_or("--auth", |given| &given.origin);
                Err(refuse(origin, "none beside --token-keys, which has every login checked", r#""open""#))
            }
        }
    }

    /// Without a key anyone who can connect can log in as anyone, so that takes a local address, and
    /// no proxy that lets others in through it.
    fn check_loopback(&self, given: &[&Given]) -> Result<(), Exit> {
        let trusted = [
            ("proxy-protocol", "--proxy-protocol", &self.config.proxy_protocol),
            ("forwarded-for", "--forwarded-for", &self.config.forwarded_for),
        ];
        for (name, flag, proxies) in trusted {
            let Some(proxy) = proxies.first() else { continue };
            let origin = last(given, name).map_or(flag, |given| &given.origin);
            let expected = "no proxy, --token-keys to check logins, or --auth open to believe every one";
            return Err(refuse(origin, expected, &escape::quoted(proxy.to_string())));
        }
        let exposed = self.config.listen.iter().find(|listen| match listen {
            Listen::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Listen::Unix(_) => false,
        });
        let Some(listen) = exposed else {
            return Ok(());
        };
        let origin = last(given, "listen").map_or("--listen", |given| &given.origin);
        let expected =
            "a loopback address, --token-keys to check logins, or --auth open to believe every one";
        Err(refuse(origin, expected, &escape::quoted(listen.to_string())))
    }

    /// Each value alone was in range, so what is left are relations between them.
    fn conflict(&self, error: ConfigError, given: &[&Given]) -> Exit {
        let max_len = self.config.max_len;
        let (name, expected) = match error {
            ConfigError::NoListener => ("listen", "at least one address".to_owned()),
            ConfigError::NoSubprotocol => {
                ("subprotocol-required", "false, or a subprotocol beside it".to_owned())
            }
            ConfigError::Ipv6Only => {
                ("ipv6-only", "false, or no IPv4-mapped address to listen on".to_owned())
            }
            ConfigError::MaxLenBeforeLogin => {
                ("max-len-before-login", format!("at most {max_len}, which is max-len"))
            }
            ConfigError::MaxLenForPackets => {
                ("max-len", format!("at least {REQUEST_HEADER_BYTES}, {HEADER}"))
            }
            ConfigError::MaxLenBeforeLoginForPackets => {
                ("max-len-before-login", format!("0 (off), or at least {REQUEST_HEADER_BYTES}, {HEADER}"))
            }
            ConfigError::HealthPathServed => {
                ("health-path", "a path that is none of path, or no client could connect there".to_owned())
            }
            ConfigError::RecordLimit => ("record-limit", format!("at least {MIN_RECORD_LIMIT}")),
            ConfigError::OutboxLimit => {
                let least = max_len.saturating_add(PACKET_OVERHEAD_BYTES);
                (
                    "outbox-limit",
                    format!("0 (off), or at least {least}, which is max-len and {PACKET_OVERHEAD_BYTES}"),
                )
            }
            _ => ("", String::new()),
        };
        match last(given, name) {
            Some(given) => {
                let value = given.values.first().map_or("an empty list".to_owned(), escape::quoted);
                refuse(&given.origin, &expected, &value)
            }
            None => Exit::Error(format!("sysconn: {error}")),
        }
    }
}

/// The source of highest precedence that gives the option.
fn last<'a>(given: &[&'a Given], name: &str) -> Option<&'a Given> {
    given.iter().rev().copied().find(|given| given.entry.name == name)
}

/// The line for a value that is not accepted; `shown` is the value, escaped.
fn refuse(origin: &str, expected: &str, shown: &str) -> Exit {
    Exit::Error(format!("sysconn: {origin}: expected {expected}, not {shown}"))
}

/// The end of a line about an unknown name.
fn did_you_mean(name: Option<String>) -> String {
    name.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
