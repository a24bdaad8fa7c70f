//! The types of option values: how each is described and parsed, and which field it sets.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use sysconn::config::{self, Listen, TrustedProxy};

use super::{FromSystemd, LogFormat, Options, value};

/// The field that an option sets.
pub(super) type Field<T> = fn(&mut Options) -> &mut T;

/// The type of an option, with the field that it sets. Plural names are lists: the option is repeatable.
pub(super) enum ValueType {
    /// Addresses, and sockets of systemd.
    Addresses,
    OneAddress(Field<Option<Listen>>),
    /// One address, of this machine alone.
    Loopback(Field<SocketAddr>),
    Proxies(Field<Vec<TrustedProxy>>),
    Paths(Field<Vec<String>>),
    /// A path that stands for itself alone.
    OnePath(Field<Option<String>>),
    Origins(Field<Vec<String>>),
    Subprotocols(Field<Vec<String>>),
    MessageSize(Field<usize>),
    Size(Field<usize>),
    /// A size of which 0 means that there is no limit.
    SizeLimit(Field<Option<usize>>),
    Count(Field<Option<usize>>),
    Rate(Field<Option<u32>>),
    Timer(Field<Option<Duration>>),
    /// A duration of which 0 is one like others.
    Delay(Field<Duration>),
    /// A duration that is not 0.
    Timeout(Field<Duration>),
    /// A duration that may be shorter than a millisecond.
    Spin(Field<Option<Duration>>),
    Liveness(Field<config::Liveness>),
    Overflow(Field<config::Overflow>),
    Deflate(Field<config::DeflateMode>),
    DeflateLevel(Field<u8>),
    Workers(Field<usize>),
    /// A number of offences, of which 0 means that they are not counted.
    Offences(Field<Option<usize>>),
    Prefix(Field<u8>),
    Cpu(Field<Option<usize>>),
    /// The mode of a file.
    FileMode(Field<Option<u32>>),
    Level(Field<LevelFilter>),
    LogFormat(Field<LogFormat>),
    LogConnections(Field<config::LogConnections>),
    File(Field<Option<PathBuf>>),
    Directory(Field<Option<PathBuf>>),
    /// Any text but an empty one.
    Text(Field<Option<String>>),
    /// The id of an app of a platform.
    AppId(Field<Option<String>>),
    /// The URL of a service, without a slash at its end.
    BaseUrl(Field<String>),
    /// URLs of NATS servers, one or several in one value.
    BusServers(Field<Vec<String>>),
    /// The name of a server in a cluster.
    NodeName(Field<Option<String>>),
    /// The name of a cluster.
    ClusterId(Field<String>),
    Auth(Field<bool>),
    LoginReplay(Field<bool>),
    /// On or off; the flag needs no value.
    Switch(Field<bool>),
}

/// The TOML types of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TomlType {
    /// A string.
    Text,
    /// A string or an integer.
    Number,
    /// A boolean.
    Switch,
}

impl ValueType {
    /// The placeholder in the help, the text after "expected", and the TOML type.
    fn description(&self) -> (&'static str, &'static str, TomlType) {
        match self {
            ValueType::OneAddress(_) => (
                "ADDRESS",
                "IP:PORT, [IPV6]:PORT, unix:PATH, or HOST:PORT with a host that can be found",
                TomlType::Text,
            ),
            ValueType::Addresses => (
                "ADDRESS",
                "IP:PORT, [IPV6]:PORT, unix:PATH, systemd, or HOST:PORT with a host that can be found",
                TomlType::Text,
            ),
            ValueType::Loopback(_) => ("ADDRESS", "127.0.0.1:PORT or [::1]:PORT", TomlType::Text),
            ValueType::Proxies(_) => (
                "PROXY",
                "an IP address, a network such as 10.0.0.0/8 with no bits set beyond its length, or unix",
                TomlType::Text,
            ),
            ValueType::Paths(_) => ("PATH", "a path such as /ws, or /ws/* for all below it", TomlType::Text),
            ValueType::OnePath(_) => ("PATH", "a path such as /health", TomlType::Text),
            ValueType::Origins(_) => (
                "ORIGIN",
                "null, or an origin such as https://play.example.com or https://*.example.com",
                TomlType::Text,
            ),
            ValueType::Subprotocols(_) => {
                ("NAME", "a token: letters, digits and !#$%&'*+-.^_`|~", TomlType::Text)
            }
            ValueType::MessageSize(_) => {
                ("BYTES", "1 to 64MiB, in bytes or with a unit (KiB, MiB)", TomlType::Number)
            }
            ValueType::Size(_) | ValueType::SizeLimit(_) => {
                ("BYTES", "0 to 4294967295, in bytes or with a unit (KiB, MiB)", TomlType::Number)
            }
            ValueType::Count(_) | ValueType::Rate(_) => {
                ("COUNT", "a whole number, 0 to 4294967295", TomlType::Number)
            }
            ValueType::Timer(_) | ValueType::Delay(_) => {
                ("DURATION", "0 (off), or 1ms to 168h with a unit (us, ms, s, m, h)", TomlType::Number)
            }
            ValueType::Timeout(_) => {
                ("DURATION", "1ms to 168h with a unit (us, ms, s, m, h)", TomlType::Number)
            }
            ValueType::Spin(_) => {
                ("DURATION", "0 (off), or up to 168h with a unit (us, ms, s, m, h)", TomlType::Number)
            }
            ValueType::Liveness(_) => ("packets|frames", "packets or frames", TomlType::Text),
            ValueType::Overflow(_) => ("close|drop", "close or drop", TomlType::Text),
            ValueType::Deflate(_) => ("off|shared|dedicated", "off, shared or dedicated", TomlType::Text),
            ValueType::DeflateLevel(_) => ("LEVEL", "a whole number, 1 to 6", TomlType::Number),
            ValueType::Prefix(_) => ("BITS", "a whole number, 1 to 128", TomlType::Number),
            ValueType::Workers(_) => ("COUNT", "a whole number, 1 to 255", TomlType::Number),
            ValueType::Offences(_) => ("COUNT", "a whole number, 0 to 100", TomlType::Number),
            ValueType::Cpu(_) => ("NUMBER", "the number of a CPU, 0 to 1023", TomlType::Number),
            ValueType::FileMode(_) => (
                "MODE",
                "an octal mode from 0002 to 0777 that lets somebody write, such as 660",
                TomlType::Text,
            ),
            ValueType::LogFormat(_) => ("text|json", "text or json", TomlType::Text),
            ValueType::LogConnections(_) => {
                ("LINES|all|off", "a whole number from 1 up, all or off", TomlType::Number)
            }
            ValueType::Level(_) => ("LEVEL", "error, warn, info, debug, trace or off", TomlType::Text),
            ValueType::File(_) => ("FILE", "the path of a file", TomlType::Text),
            ValueType::Directory(_) => ("DIR", "the path of a directory", TomlType::Text),
            ValueType::Text(_) => ("TEXT", "a text that is not empty", TomlType::Text),
            ValueType::AppId(_) => ("ID", "1 to 64 letters, digits, - and _", TomlType::Text),
            ValueType::BaseUrl(_) => (
                "URL",
                "https://HOST, with a port and a path if need be, or http:// with a loopback address",
                TomlType::Text,
            ),
            ValueType::BusServers(_) => (
                "URL",
                "nats://HOST:PORT or tls://HOST:PORT, without a password (--cluster-credentials), or several separated by commas",
                TomlType::Text,
            ),
            ValueType::NodeName(_) | ValueType::ClusterId(_) => {
                ("NAME", "1 to 32 characters of a to z, 0 to 9 and -", TomlType::Text)
            }
            ValueType::Auth(_) => ("open", "open, its only value", TomlType::Text),
            ValueType::LoginReplay(_) => ("allow|deny", "allow or deny", TomlType::Text),
            ValueType::Switch(_) => ("true|false", "true or false", TomlType::Switch),
        }
    }

    pub(super) fn placeholder(&self) -> &'static str {
        self.description().0
    }

    pub(super) fn expected(&self) -> &'static str {
        self.description().1
    }

    pub(super) fn toml_type(&self) -> TomlType {
        self.description().2
    }

    pub(super) fn is_repeatable(&self) -> bool {
        matches!(
            self,
            ValueType::Addresses
                | ValueType::Proxies(_)
                | ValueType::Paths(_)
                | ValueType::Origins(_)
                | ValueType::Subprotocols(_)
                | ValueType::BusServers(_)
        )
    }

    /// Empties a list, so that one source replaces what another gave.
    pub(super) fn clear(&self, options: &mut Options) {
        match self {
            ValueType::Addresses => {
                options.config.listen.clear();
                options.from_systemd.clear();
            }
            ValueType::Proxies(field) => field(options).clear(),
            ValueType::Paths(field)
            | ValueType::Origins(field)
            | ValueType::Subprotocols(field)
            | ValueType::BusServers(field) => field(options).clear(),
            _ => {}
        }
    }

    /// The reason why [`set`](Self::set) refuses a value, if it is more specific than
    /// [`expected`](Self::expected).
    pub(super) fn reason(&self, text: &str) -> Option<String> {
        let checked = match self {
            ValueType::Paths(_) => value::path(text),
            ValueType::OnePath(_) => value::one_path(text),
            ValueType::Origins(_) => value::origin(text),
            ValueType::Addresses | ValueType::OneAddress(_) => return value::too_long(text),
            _ => return None,
        };
        checked.err().and_then(value::reason)
    }

    /// Sets the field, or appends to the list. `None`: the value is not as [`expected`](Self::expected).
    pub(super) fn set(&self, options: &mut Options, text: &str) -> Option<()> {
        match self {
            ValueType::Addresses => match FromSystemd::parse(text) {
                Some(sockets) => options.from_systemd.push(sockets),
                None => options.config.listen.push(value::address(text)?),
            },
            ValueType::OneAddress(field) => *field(options) = Some(value::address(text)?),
            ValueType::Loopback(field) => *field(options) = value::loopback(text)?,
            ValueType::Proxies(field) => field(options).push(text.parse().ok()?),
            ValueType::Paths(field) => field(options).push(value::path(text).ok()?),
            ValueType::OnePath(field) => *field(options) = Some(value::one_path(text).ok()?),
            ValueType::Origins(field) => field(options).push(value::origin(text).ok()?),
            ValueType::Subprotocols(field) => field(options).push(value::subprotocol(text)?),
            ValueType::MessageSize(field) => *field(options) = value::message_size(text)?,
            ValueType::Size(field) => *field(options) = value::size(text)?,
            ValueType::SizeLimit(field) => *field(options) = unless_zero(value::size(text)?),
            ValueType::Count(field) => {
                *field(options) = unless_zero(usize::try_from(value::count(text)?).ok()?);
            }
            ValueType::Rate(field) => *field(options) = unless_zero(value::count(text)?),
            ValueType::Timer(field) => *field(options) = unless_zero(value::timer(text)?),
            ValueType::Delay(field) => *field(options) = value::timer(text)?,
            ValueType::Timeout(field) => {
                *field(options) = value::timer(text).filter(|timeout| !timeout.is_zero())?;
            }
            ValueType::Spin(field) => *field(options) = unless_zero(value::duration(text)?),
            ValueType::Liveness(field) => *field(options) = value::liveness(text)?,
            ValueType::Overflow(field) => *field(options) = value::overflow(text)?,
            ValueType::Deflate(field) => *field(options) = value::deflate(text)?,
            ValueType::DeflateLevel(field) => *field(options) = value::deflate_level(text)?,
            ValueType::Prefix(field) => *field(options) = value::prefix(text)?,
            ValueType::Workers(field) => *field(options) = value::workers(text)?,
            ValueType::Offences(field) => *field(options) = unless_zero(value::offences(text)?),
            ValueType::Cpu(field) => *field(options) = Some(value::cpu(text)?),
            ValueType::FileMode(field) => *field(options) = Some(value::file_mode(text)?),
            ValueType::LogFormat(field) => *field(options) = value::log_format(text)?,
            ValueType::LogConnections(field) => *field(options) = value::log_connections(text)?,
            ValueType::Level(field) => *field(options) = value::level(text)?,
            ValueType::File(field) | ValueType::Directory(field) => {
                *field(options) = Some(value::file(text)?)
            }
            ValueType::Text(field) => *field(options) = Some(value::text(text)?),
            ValueType::AppId(field) => *field(options) = Some(value::app_id(text)?),
            ValueType::BaseUrl(field) => *field(options) = value::base_url(text)?,
            ValueType::BusServers(field) => field(options).extend(value::bus_servers(text)?),
            ValueType::NodeName(field) => *field(options) = Some(value::cluster_name(text)?),
            ValueType::ClusterId(field) => *field(options) = value::cluster_name(text)?,
            ValueType::Auth(field) => *field(options) = (text == "open").then_some(true)?,
            ValueType::LoginReplay(field) => *field(options) = value::login_replay(text)?,
            ValueType::Switch(field) => *field(options) = value::switch(text)?,
        }
        Some(())
    }
}

/// 0 turns a timer or a limit off.
fn unless_zero<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}
