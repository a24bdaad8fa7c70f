//! The kinds of values that options have: how each is described, read, and where it goes.

use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use sysconn::config::{self, Listen, TrustedProxy};

use super::{LogFormat, Options, value};

/// Where an option's value goes.
pub(super) type Place<T> = fn(&mut Options) -> &mut T;

/// What an option takes, with the place for it. The plural ones are lists: the option is repeatable.
pub(super) enum Kind {
    Addresses(Place<Vec<Listen>>),
    Proxies(Place<Vec<TrustedProxy>>),
    Paths(Place<Vec<String>>),
    /// A path that stands for itself alone.
    OnePath(Place<Option<String>>),
    Origins(Place<Vec<String>>),
    Subprotocols(Place<Vec<String>>),
    MessageSize(Place<usize>),
    Size(Place<usize>),
    Count(Place<usize>),
    Rate(Place<u32>),
    Timer(Place<Duration>),
    /// A duration that no timer keeps, so that it may be shorter than a millisecond.
    Spin(Place<Duration>),
    Liveness(Place<config::Liveness>),
    Overflow(Place<config::Overflow>),
    Deflate(Place<config::DeflateMode>),
    Workers(Place<usize>),
    Prefix(Place<u8>),
    Cpu(Place<Option<usize>>),
    /// The mode of a file.
    FileMode(Place<Option<u32>>),
    Level(Place<LevelFilter>),
    LogFormat(Place<LogFormat>),
    LogConnections(Place<config::LogConnections>),
    File(Place<Option<PathBuf>>),
    Directory(Place<Option<PathBuf>>),
    Auth(Place<bool>),
    /// On or off; the flag needs no value.
    Switch(Place<bool>),
}

/// The types that a value may have in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string.
    Text,
    /// A string or an integer.
    Number,
    /// A boolean.
    Switch,
}

impl Kind {
    /// The placeholder in the help, what would be right (the end of "expected ..."), and the form.
    fn description(&self) -> (&'static str, &'static str, Form) {
        match self {
            Kind::Addresses(_) => (
                "ADDRESS",
                "IP:PORT, [IPV6]:PORT, unix:PATH, or HOST:PORT with a host that can be found",
                Form::Text,
            ),
            Kind::Proxies(_) => (
                "PROXY",
                "an IP address, a network such as 10.0.0.0/8 with no bits set beyond its length, or unix",
                Form::Text,
            ),
            Kind::Paths(_) => ("PATH", "a path such as /ws, or /ws/* for all below it", Form::Text),
            Kind::OnePath(_) => ("PATH", "a path such as /health", Form::Text),
            Kind::Origins(_) => (
                "ORIGIN",
                "null, or an origin such as https://play.example.com or https://*.example.com",
                Form::Text,
            ),
            Kind::Subprotocols(_) => ("NAME", "a token: letters, digits and !#$%&'*+-.^_`|~", Form::Text),
            Kind::MessageSize(_) => ("BYTES", "1 to 64MiB, in bytes or with a unit (KiB, MiB)", Form::Number),
            Kind::Size(_) => ("BYTES", "0 to 4294967295, in bytes or with a unit (KiB, MiB)", Form::Number),
            Kind::Count(_) | Kind::Rate(_) => ("COUNT", "a whole number, 0 to 4294967295", Form::Number),
            Kind::Timer(_) => {
                ("DURATION", "0 (off), or 1ms to 168h with a unit (us, ms, s, m, h)", Form::Number)
            }
            Kind::Spin(_) => {
                ("DURATION", "0 (off), or up to 168h with a unit (us, ms, s, m, h)", Form::Number)
            }
            Kind::Liveness(_) => ("packets|frames", "packets or frames", Form::Text),
            Kind::Overflow(_) => ("close|drop", "close or drop", Form::Text),
            Kind::Deflate(_) => ("off|shared|dedicated", "off, shared or dedicated", Form::Text),
            Kind::Prefix(_) => ("BITS", "a whole number, 1 to 128", Form::Number),
            Kind::Workers(_) => ("COUNT", "a whole number, 1 to 255", Form::Number),
            Kind::Cpu(_) => ("NUMBER", "the number of a CPU, 0 to 1023", Form::Number),
            Kind::FileMode(_) => {
                ("MODE", "an octal mode from 0002 to 0777 that lets somebody write, such as 660", Form::Text)
            }
            Kind::LogFormat(_) => ("text|json", "text or json", Form::Text),
            Kind::LogConnections(_) => {
                ("LINES|all|off", "a whole number from 1 up, all or off", Form::Number)
            }
            Kind::Level(_) => ("LEVEL", "error, warn, info, debug, trace or off", Form::Text),
            Kind::File(_) => ("FILE", "the path of a file", Form::Text),
            Kind::Directory(_) => ("DIR", "the path of a directory", Form::Text),
            Kind::Auth(_) => ("open", "open, its only value", Form::Text),
            Kind::Switch(_) => ("true|false", "true or false", Form::Switch),
        }
    }

    pub(super) fn placeholder(&self) -> &'static str {
        self.description().0
    }

    pub(super) fn expected(&self) -> &'static str {
        self.description().1
    }

    pub(super) fn form(&self) -> Form {
        self.description().2
    }

    pub(super) fn is_repeatable(&self) -> bool {
        matches!(
            self,
            Kind::Addresses(_) | Kind::Proxies(_) | Kind::Paths(_) | Kind::Origins(_) | Kind::Subprotocols(_)
        )
    }

    /// Empties a list, so that what one source gives takes the place of what another gave.
    pub(super) fn clear(&self, options: &mut Options) {
        match self {
            Kind::Addresses(place) => place(options).clear(),
            Kind::Proxies(place) => place(options).clear(),
            Kind::Paths(place) | Kind::Origins(place) | Kind::Subprotocols(place) => place(options).clear(),
            _ => {}
        }
    }

    /// What is wrong with a value that [`set`](Self::set) does not take, where more can be said than what was
    /// [`expected`](Self::expected).
    pub(super) fn reason(&self, text: &str) -> Option<String> {
        let checked = match self {
            Kind::Paths(_) => value::path(text),
            Kind::OnePath(_) => value::one_path(text),
            Kind::Origins(_) => value::origin(text),
            Kind::Addresses(_) => return value::too_long(text),
            _ => return None,
        };
        checked.err().and_then(value::reason)
    }

    /// Puts a value in its place, or at the end of its list. `None`: it is not what was
    /// [`expected`](Self::expected).
    pub(super) fn set(&self, options: &mut Options, text: &str) -> Option<()> {
        match self {
            Kind::Addresses(place) => place(options).push(value::address(text)?),
            Kind::Proxies(place) => place(options).push(text.parse().ok()?),
            Kind::Paths(place) => place(options).push(value::path(text).ok()?),
            Kind::OnePath(place) => *place(options) = Some(value::one_path(text).ok()?),
            Kind::Origins(place) => place(options).push(value::origin(text).ok()?),
            Kind::Subprotocols(place) => place(options).push(value::subprotocol(text)?),
            Kind::MessageSize(place) => *place(options) = value::message_size(text)?,
            Kind::Size(place) => *place(options) = value::size(text)?,
            Kind::Count(place) => *place(options) = usize::try_from(value::count(text)?).ok()?,
            Kind::Rate(place) => *place(options) = value::count(text)?,
            Kind::Timer(place) => *place(options) = value::timer(text)?,
            Kind::Spin(place) => *place(options) = value::duration(text)?,
            Kind::Liveness(place) => *place(options) = value::liveness(text)?,
            Kind::Overflow(place) => *place(options) = value::overflow(text)?,
            Kind::Deflate(place) => *place(options) = value::deflate(text)?,
            Kind::Prefix(place) => *place(options) = value::prefix(text)?,
            Kind::Workers(place) => *place(options) = value::workers(text)?,
            Kind::Cpu(place) => *place(options) = Some(value::cpu(text)?),
            Kind::FileMode(place) => *place(options) = Some(value::file_mode(text)?),
            Kind::LogFormat(place) => *place(options) = value::log_format(text)?,
            Kind::LogConnections(place) => *place(options) = value::log_connections(text)?,
            Kind::Level(place) => *place(options) = value::level(text)?,
            Kind::File(place) | Kind::Directory(place) => *place(options) = Some(value::file(text)?),
            Kind::Auth(place) => *place(options) = (text == "open").then_some(true)?,
            Kind::Switch(place) => *place(options) = value::switch(text)?,
        }
        Some(())
    }
}
