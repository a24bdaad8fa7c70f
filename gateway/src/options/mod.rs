//! The options of the program, from command line, file and environment, in that order of precedence.

mod accounts;
mod addresses;
mod admin;
mod auth;
mod bench;
mod blacklist;
mod blacklist_command;
mod call;
mod cluster;
mod command;
mod completions;
mod conflict;
mod dev;
mod entry;
mod environment;
mod escape;
mod file;
mod http_address;
mod inherited;
mod load;
mod login_as;
mod markdown;
mod mint;
mod nearest;
mod offer;
mod origins;
mod referee;
mod replay;
mod table;
mod task;
mod top;
mod value;
mod value_type;
mod wechat;

#[cfg(test)]
pub(crate) mod tests;

#[cfg(test)]
use std::ffi::OsString;
#[cfg(test)]
use std::io;
use std::net::SocketAddr;
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use sysconn::config::{
    Config, ConfigError, Listen, MAX_LEN, MIN_RECORD_LIMIT, OUTBOX_LIMIT, Output, RECORD_LIMIT, Recording,
};

use load::Given;
use origins::Origins;

pub(crate) use accounts::{Accounts, AccountsAction};
pub(crate) use admin::AdminOptions;
pub(crate) use auth::AuthOptions;
pub(crate) use bench::{BenchLogin, BenchOutput, BenchTask};
pub(crate) use blacklist::BlacklistOptions;
pub(crate) use blacklist_command::{BlacklistAction, BlacklistTarget, BlacklistTask};
pub(crate) use call::{CallData, CallTask, RoutesTask, Token};
pub(crate) use cluster::ClusterOptions;
pub(crate) use escape::long as shown;
pub(crate) use file::{of_option, read, warn_if_public};
pub(crate) use http_address::HttpAddress;
pub(crate) use inherited::{FromSystemd, PassedSocket};
pub(crate) use load::{Checked, Sources, sources};
pub(crate) use login_as::LoginAs;
pub(crate) use mint::Mint;
pub(crate) use referee::RefereeTask;
pub(crate) use replay::Replay;
pub(crate) use task::{Exit, Task, Tool};
pub(crate) use top::TopTask;
pub(crate) use wechat::WechatOptions;

/// The default of `--client-check`.
const CLIENT_CHECK: Duration = Duration::from_secs(60);
/// The default of `--account-check`.
const ACCOUNT_CHECK: Duration = Duration::from_secs(300);

/// The command that was chosen.
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

/// All options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    /// The gateway's limits and timers, validated.
    pub(crate) config: Config,
    /// The listening sockets of systemd that clients are accepted from too.
    pub(crate) from_systemd: Vec<FromSystemd>,
    /// The file of the certificate chain that TCP listeners speak TLS with.
    pub(crate) tls_cert: Option<PathBuf>,
    /// The file of its private key.
    pub(crate) tls_key: Option<PathBuf>,
    /// The least severe level that is logged.
    pub(crate) log_level: LevelFilter,
    /// The format of log lines.
    pub(crate) log_format: LogFormat,
    /// Whether `serve` has commands 1106, whose handler panics, and 1107, whose handler blocks.
    pub(crate) diagnostics: bool,
    /// Whether `serve` is for development: the log is more detailed, and there is a page.
    pub(crate) dev: bool,
    /// The address of that page.
    pub(crate) dev_listen: SocketAddr,
    /// Where `serve` can be looked at and acted on.
    pub(crate) admin: AdminOptions,
    /// How `serve` checks logins.
    pub(crate) auth: AuthOptions,
    /// Whom offences put on the black list of `serve`.
    pub(crate) blacklist: BlacklistOptions,
    /// The directory of the store. Without it `serve` keeps the store in memory.
    pub(crate) data: Option<PathBuf>,
    /// The app whose login codes are exchanged. With it there is `wechat_secret_file`, and without it there
    /// is not.
    pub(crate) wechat_appid: Option<String>,
    /// The file of its secret.
    pub(crate) wechat_secret_file: Option<PathBuf>,
    /// The base URL of the platform, without a slash at its end.
    pub(crate) wechat_url: String,
    /// The longest time for an answer of the platform.
    pub(crate) wechat_timeout: Duration,
    /// The other machines that serve the same game.
    pub(crate) cluster: ClusterOptions,
    /// The directory for recordings.
    pub(crate) record: Option<PathBuf>,
    /// Whether only connections under debug are recorded.
    pub(crate) record_debugged: bool,
    /// The most bytes of one recording.
    pub(crate) record_limit: usize,
    /// The CPU that the first worker is pinned to.
    pub(crate) cpu: Option<usize>,
    /// Environment variables that begin with `SYSCONN_` but name no option, escaped and sorted. They are only
    /// worth a warning, because container platforms invent such names.
    pub(crate) ignored_environment: Vec<String>,
    /// Where the options were given.
    pub(crate) origins: Origins,
    /// The names of options that were given and whose values are not accepted.
    refused: Vec<&'static str>,
}

#[cfg(test)]
fn load_with(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
    read: impl Fn(&Path) -> io::Result<Vec<u8>>,
) -> Result<Task, Exit> {
    Ok(match sources(args, env)? {
        Task::Serve(sources) => Task::Serve(Box::new(sources.options(read)?)),
        Task::Check(sources, quiet) => Task::Check(Box::new(sources.options(read)?), quiet),
        Task::Health(sources, url) => Task::Health(Box::new(sources.options(read)?), url),
        Task::Tool(tool) => Task::Tool(tool),
    })
}

impl Options {
    /// The defaults.
    fn new(mode: Mode) -> Options {
        let mut config = Config::default();
        config.timers.client_check = Some(CLIENT_CHECK);
        config.timers.account_check = Some(ACCOUNT_CHECK);
        if mode == Mode::Echo {
            config.listen = vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 9002)))];
            // `echo` compresses messages of any length.
            config.output.deflate_above = 0;
        }
        Options {
            mode,
            config,
            from_systemd: Vec::new(),
            tls_cert: None,
            tls_key: None,
            log_level: LevelFilter::Info,
            log_format: LogFormat::Text,
            diagnostics: false,
            dev: false,
            dev_listen: dev::LISTEN,
            admin: AdminOptions::default(),
            auth: AuthOptions::default(),
            blacklist: BlacklistOptions::default(),
            data: None,
            wechat_appid: None,
            wechat_secret_file: None,
            wechat_url: wechat::URL.to_owned(),
            wechat_timeout: wechat::TIMEOUT,
            cluster: ClusterOptions::default(),
            record: None,
            record_debugged: false,
            record_limit: RECORD_LIMIT,
            cpu: None,
            ignored_environment: Vec::new(),
            origins: Origins::default(),
            refused: Vec::new(),
        }
    }

    fn apply(&mut self, given: &Given) -> Result<(), Exit> {
        let value_type = &given.entry.value_type;
        value_type.clear(self);
        for value in &given.values {
            let accepted = value.to_str().and_then(|text| value_type.set(self, text));
            if accepted.is_none() {
                let reason = value.to_str().and_then(|text| value_type.reason(text));
                let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
                let shown = format!("{}{reason}", escape::quoted(value));
                return Err(refuse(&given.origin, value_type.expected(), &shown));
            }
        }
        Ok(())
    }

    /// Sets what follows from other options, and returns what does not go together.
    fn complete(&mut self, given: &[&Given]) -> Vec<Exit> {
        if self.mode == Mode::Echo {
            // `echo` has no packets and no logins.
            self.config.timers.client_check = None;
            self.config.timers.account_check = None;
            self.config.limits.max_len_before_login = None;
        }
        // The default suits messages up to the default length.
        let max_len = self.config.limits.max_len;
        if last(given, "outbox-limit").is_none() && max_len > MAX_LEN {
            self.config.output.outbox_limit = Some(Output::outbox_limit_for(max_len));
        }
        let short = self.record_limit < MIN_RECORD_LIMIT;
        let mut problems: Vec<_> = short.then_some(ConfigError::RecordLimit).into_iter().collect();
        self.config.recording = self.recording().filter(|_| !short);
        let checked = self.with_inherited_assumed();
        problems.extend(match self.mode {
            Mode::Serve => checked.problems_for_packets(),
            Mode::Echo => checked.problems(),
        });
        let mut problems: Vec<_> = problems.into_iter().map(|error| self.conflict(error, given)).collect();
        if self.mode == Mode::Serve {
            problems.extend(self.check_wechat(given).err());
            problems.extend(self.check_dev(given).err());
            problems.extend(self.check_cluster(given));
        }
        problems.extend(self.check_addresses(given));
        problems.extend(self.check_auth(given));
        problems
    }

    /// The value of an option that was not given, and where it comes from, if not from the table.
    fn derived(&self, name: &str) -> Option<(String, &'static str)> {
        let outbox = self.config.output.outbox_limit.filter(|limit| *limit != OUTBOX_LIMIT);
        match name {
            "outbox-limit" => outbox.map(|limit| (limit.to_string(), "default for this max-len")),
            "log" if self.dev => Some((self.log_level.to_string().to_lowercase(), "default of dev")),
            _ => None,
        }
    }

    /// What is recorded, if there is a directory for it.
    fn recording(&self) -> Option<Recording> {
        let mut recording = Recording::new(self.record.clone()?);
        (recording.debugged, recording.limit) = (self.record_debugged, self.record_limit);
        Some(recording)
    }

    /// A line for the log about an option that has no effect, since nothing is recorded.
    pub(crate) fn recording_warning(&self) -> Option<String> {
        let option = match (&self.record, self.record_debugged, self.record_limit) {
            (None, true, _) => "--record-debugged",
            // One that is too short has a line of its own.
            (None, false, limit) if limit != RECORD_LIMIT && limit >= MIN_RECORD_LIMIT => "--record-limit",
            _ => return None,
        };
        Some(format!("{option} has no effect without --record: nothing is recorded"))
    }
}

/// The source of highest precedence that gives the option.
fn last<'a>(given: &[&'a Given], name: &str) -> Option<&'a Given> {
    given.iter().rev().copied().find(|given| given.entry.name == name)
}

impl Options {
    /// Whether a line names an option whose value is not accepted. That has a line of its own, and this one
    /// is about what nobody gave.
    pub(crate) fn names_refused(&self, line: &str) -> bool {
        // Without their dashes these are also words of paths and hosts.
        let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        words.any(|word| word.strip_prefix("--").is_some_and(|name| self.refused.contains(&name)))
    }
}

/// The line for a value that is not accepted; `shown` is the value, escaped.
fn refuse(origin: &str, expected: &str, shown: &str) -> Exit {
    Exit::Error(format!("sysconn: {origin}: expected {expected}, not {shown}"))
}

/// The end of a line about an unknown name.
fn did_you_mean(name: Option<String>) -> String {
    name.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
