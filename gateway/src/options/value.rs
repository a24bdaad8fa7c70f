//! Parses the values of options, which are texts in every source. `None` means that the text is no such
//! value, or is out of range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::LogFormat;
use log::LevelFilter;
use sysconn::config::{
    Config, ConfigError, DeflateMode, Listen, Liveness, LogConnections, MAX_DEFLATE_LEVEL, MAX_LEN_CEILING,
    MAX_TIMER, MAX_WORKERS, Overflow,
};

/// The largest size in bytes that is accepted: sums and doubles of it cannot overflow 64 bits.
const SIZE_CEILING: u64 = u32::MAX as u64;
/// Bytes that the path of a Unix socket may have: a zero ends it (unix(7)).
const MAX_SOCKET_PATH_BYTES: usize = 107;
/// The most offences that are counted of one address.
const MAX_OFFENCES: usize = 100;
/// The highest CPU number that an affinity mask of the usual 1024 bits can name.
const CPU_CEILING: u32 = 1023;

/// A count, up to 4294967295.
pub(super) fn count(text: &str) -> Option<u32> {
    u32::try_from(number(text)?).ok()
}

/// The number of a CPU, from 0.
pub(super) fn cpu(text: &str) -> Option<usize> {
    count(text).filter(|cpu| *cpu <= CPU_CEILING).and_then(|cpu| usize::try_from(cpu).ok())
}

/// The length of an IPv6 prefix in bits.
pub(super) fn prefix(text: &str) -> Option<u8> {
    u8::try_from(count(text)?).ok().filter(|bits| (1..=128).contains(bits))
}

/// A level of compression.
pub(super) fn deflate_level(text: &str) -> Option<u8> {
    u8::try_from(count(text)?).ok().filter(|level| (1..=MAX_DEFLATE_LEVEL).contains(level))
}

/// A number of workers.
pub(super) fn workers(text: &str) -> Option<usize> {
    usize::try_from(count(text)?).ok().filter(|workers| (1..=MAX_WORKERS).contains(workers))
}

/// A number of offences: each address has the times of as many.
pub(super) fn offences(text: &str) -> Option<usize> {
    usize::try_from(count(text)?).ok().filter(|offences| *offences <= MAX_OFFENCES)
}

/// The mode of a socket file, in octal digits. At least one class of users must be able to write, which
/// connecting requires.
pub(super) fn file_mode(text: &str) -> Option<u32> {
    let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal)?;
    (mode <= 0o777 && mode & 0o222 != 0).then_some(mode)
}

/// A size in bytes, or in `KiB` or `MiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    let (digits, unit) = split_unit(text);
    let factor = match unit {
        "" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    let bytes = number(digits)?.checked_mul(factor)?;
    usize::try_from(bytes).ok().filter(|_| bytes <= SIZE_CEILING)
}

/// The size in bytes of the longest message.
pub(super) fn message_size(text: &str) -> Option<usize> {
    size(text).filter(|bytes| (1..=MAX_LEN_CEILING).contains(bytes))
}

/// A duration up to the longest timer: `0`, or a number with a unit, such as `1.5s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (decimal, unit) = split_unit(text);
    let unit_nanos: u128 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3600 * 1_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = u128::from(number(whole)?).checked_mul(scale)?.checked_add(number(fraction)?.into())?;
    let nanos = scaled.checked_mul(unit_nanos)?;
    // Fractions of a nanosecond would be cut off, which would turn a tiny timer into 0: off.
    if nanos % scale != 0 {
        return None;
    }
    Some(Duration::from_nanos(u64::try_from(nanos / scale).ok()?)).filter(|duration| *duration <= MAX_TIMER)
}

/// A duration that a timer can keep: 0, or at least a millisecond.
pub(super) fn timer(text: &str) -> Option<Duration> {
    duration(text).filter(|timer| timer.is_zero() || *timer >= Duration::from_millis(1))
}

/// `true` or `false`, or as environments like to have it, `1` or `0`.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// `unix:PATH`, an IP address and port, or a host name and port. Of the addresses of a host, the first IPv4
/// one counts, or else the first.
pub(super) fn address(text: &str) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        let fits = !path.is_empty() && std::os::unix::net::SocketAddr::from_pathname(path).is_ok();
        return fits.then(|| Listen::Unix(PathBuf::from(path)));
    }
    if let Ok(address) = text.parse() {
        return Some(Listen::Tcp(address));
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = u16::try_from(number(port)?).ok()?;
    if !is_host_name(host) {
        return None;
    }
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied().map(Listen::Tcp)
}

/// One of the two loopback addresses that HTTP clients may name as the Host, and a port.
pub(super) fn loopback(text: &str) -> Option<SocketAddr> {
    let is_local = |address: &SocketAddr| {
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(&address.ip())
    };
    text.parse().ok().filter(is_local)
}

/// The reason, if the path of a Unix socket is too long.
pub(super) fn too_long(text: &str) -> Option<String> {
    let len = text.strip_prefix("unix:")?.len();
    (len > MAX_SOCKET_PATH_BYTES)
        .then(|| format!("the path has {len} bytes, and the system takes {MAX_SOCKET_PATH_BYTES} at most"))
}

/// The path of a file, which need not exist.
pub(super) fn file(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// A text that is not empty.
pub(super) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A path that is served, by the library's own rule.
pub(super) fn path(text: &str) -> Result<String, ConfigError> {
    let mut only = Config::default();
    only.upgrade.paths = vec![text.to_owned()];
    only.validate().map(|()| text.to_owned())
}

/// The path of health checks, by the library's own rule.
pub(super) fn one_path(text: &str) -> Result<String, ConfigError> {
    let mut only = Config::default();
    only.upgrade.health_path = Some(text.to_owned());
    only.validate().map(|()| text.to_owned())
}

/// An origin that is served, by the library's own rule.
pub(super) fn origin(text: &str) -> Result<String, ConfigError> {
    let mut only = Config::default();
    only.upgrade.origins = vec![text.to_owned()];
    only.validate().map(|()| text.to_owned())
}

/// The reason why a text is no path or no origin.
pub(super) fn reason(error: ConfigError) -> Option<String> {
    match error {
        ConfigError::Path(error) | ConfigError::HealthPath(error) => Some(error.to_string()),
        ConfigError::Origin(error) => Some(error.to_string()),
        _ => None,
    }
}

/// The name of a subprotocol, by the library's own rule.
pub(super) fn subprotocol(text: &str) -> Option<String> {
    let mut only = Config::default();
    only.upgrade.subprotocols = vec![text.to_owned()];
    only.validate().is_ok().then(|| text.to_owned())
}

/// What happens to a packet that does not fit the outbox.
pub(super) fn overflow(text: &str) -> Option<Overflow> {
    match text {
        "close" => Some(Overflow::Close),
        "drop" => Some(Overflow::Drop),
        _ => None,
    }
}

/// How messages are compressed.
pub(super) fn deflate(text: &str) -> Option<DeflateMode> {
    match text {
        "off" => Some(DeflateMode::Off),
        "shared" => Some(DeflateMode::Shared),
        "dedicated" => Some(DeflateMode::Dedicated),
        _ => None,
    }
}

/// Whether a second use of a token is denied.
pub(super) fn login_replay(text: &str) -> Option<bool> {
    match text {
        "allow" => Some(false),
        "deny" => Some(true),
        _ => None,
    }
}

/// What counts as a sign of life.
pub(super) fn liveness(text: &str) -> Option<Liveness> {
    match text {
        "packets" => Some(Liveness::Packets),
        "frames" => Some(Liveness::Frames),
        _ => None,
    }
}

/// How log lines are written.
pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// A number of lines a second, not 0, or none or all of them.
pub(super) fn log_connections(text: &str) -> Option<LogConnections> {
    match text {
        "all" => Some(LogConnections::All),
        "off" => Some(LogConnections::Off),
        lines => NonZeroU32::new(count(lines)?).map(LogConnections::PerSecond),
    }
}

/// A level of the log, in lower case; `parse` alone would take any case.
pub(super) fn level(text: &str) -> Option<LevelFilter> {
    text.bytes().all(|byte| byte.is_ascii_lowercase()).then(|| text.parse().ok())?
}

/// The id of an app.
pub(super) fn app_id(text: &str) -> Option<String> {
    let is_id = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (is_id && (1..=64).contains(&text.len())).then(|| text.to_owned())
}

/// The base URL of a service, without the slash at its end. What goes there is secret, so it must be HTTPS,
/// unless it stays on this machine.
pub(super) fn base_url(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (rest, needs_loopback) = match text.strip_prefix("http://") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix("https://")?, false),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte));
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').and_then(number).is_some_and(is_port_number);
    let ip = match authority.starts_with('[') {
        true => IpAddr::V6(host.parse().ok()?).into(),
        false => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    let is_loopback = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    let is_host = ip.is_some() || is_host_name(host);
    (is_path && is_port && is_host && (is_loopback || !needs_loopback)).then(|| text.to_owned())
}

/// The URLs of NATS servers, which have neither a name and password nor a path.
pub(super) fn bus_servers(text: &str) -> Option<Vec<String>> {
    text.split(',').map(|url| is_bus_server(url).then(|| url.to_owned())).collect()
}

fn is_bus_server(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("nats://").or_else(|| url.strip_prefix("tls://")) else { return false };
    let Some((host, port)) = rest.rsplit_once(':') else { return false };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok() || is_host_name(host),
    };
    is_host && number(port).is_some_and(is_port_number)
}

/// The name of a cluster, or of a server in it.
pub(super) fn cluster_name(text: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ((1..=32).contains(&text.len()) && text.bytes().all(is_name)).then(|| text.to_owned())
}

fn is_port_number(number: u64) -> bool {
    (1..=65535).contains(&number)
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Whether to ask the resolver: not for something like `999.1.1.1`, nor for an empty name.
fn is_host_name(host: &str) -> bool {
    host.bytes().any(|byte| byte.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
