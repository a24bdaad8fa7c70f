//! The list of origins that are served: which requests an entry matches, and which entries match none.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The origin of pages that have none (RFC 6454 §7).
const NULL: &str = "null";
/// The longest host name, and the longest label of one, in bytes (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Why an entry of [`Upgrades::origins`](crate::config::Upgrades::origins) cannot match any request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// It has no scheme, and is not `null`.
    NoScheme,
    /// The scheme is empty, or has other characters than letters, digits, `+`, `-` and `.`.
    Scheme,
    /// The scheme is `ws` or `wss`: an origin belongs to the page, not to the server.
    SocketScheme,
    /// A path, query or fragment follows the host and port.
    Path,
    /// It contains a user name.
    User,
    /// The host is empty, longer than 253 bytes, or has a label that is empty or longer than 63 bytes.
    Host,
    /// The host has characters that browsers do not send in a host.
    HostBytes,
    /// The host ends in a number, and is not an IPv4 address of four decimal numbers, the only form that
    /// browsers send.
    Ipv4,
    /// The host in brackets is not an IPv6 address.
    Ipv6,
    /// A `*` is not the whole first label of a host name.
    Wildcard,
    /// The port is not a number from 1 to 65535.
    Port,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OriginError::NoScheme => "an origin begins with its scheme, such as https://",
            OriginError::Scheme => "a scheme is made of letters, digits, '+', '-' and '.'",
            OriginError::SocketScheme => "an origin is that of the page, whose scheme is https or http",
            OriginError::Path => "an origin ends with its host or port, without a '/'",
            OriginError::User => "an origin names no user",
            OriginError::Host => "the host is empty, too long, or has an empty part",
            OriginError::HostBytes => {
                "browsers write hosts in letters, digits, '-', '_' and '.', and others as xn--"
            }
            OriginError::Ipv4 => "browsers write an IPv4 address as four numbers, 0 to 255",
            OriginError::Ipv6 => "what is in brackets is not an IPv6 address",
            OriginError::Wildcard => {
                "a '*' can only be the first part of a host's name, as in https://*.example.com"
            }
            OriginError::Port => "a port is a number, 1 to 65535, without a zero in front",
        })
    }
}

impl std::error::Error for OriginError {}

/// Checks that an entry of the list of origins can match a request.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check_origin(entry: &str) -> Result<(), OriginError> {
    if entry.eq_ignore_ascii_case(NULL) {
        return Ok(());
    }
    let (scheme, authority) = entry.split_once("://").ok_or(OriginError::NoScheme)?;
    if scheme.contains('*') {
        return Err(OriginError::Wildcard);
    }
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme_byte)
    {
        return Err(OriginError::Scheme);
    }
    if ["ws", "wss"].iter().any(|socket| socket.eq_ignore_ascii_case(scheme)) {
        return Err(OriginError::SocketScheme);
    }
    if authority.contains(['/', '?', '#']) {
        return Err(OriginError::Path);
    }
    if authority.contains('@') {
        return Err(OriginError::User);
    }
    // The origin of pages that were read from files, in some web views.
    if authority.is_empty() && scheme.eq_ignore_ascii_case("file") {
        return Ok(());
    }
    let (host, port) = split_port(authority);
    if port.is_some_and(|port| parse_port(port).is_none()) {
        return Err(if port == Some("*") { OriginError::Wildcard } else { OriginError::Port });
    }
    check_host(host)
}

fn check_host(host: &str) -> Result<(), OriginError> {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.strip_suffix(']').ok_or(OriginError::Ipv6)?;
        return address.parse::<Ipv6Addr>().map(drop).map_err(|_| OriginError::Ipv6);
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    if name.contains('*') {
        return Err(OriginError::Wildcard);
    }
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !name.bytes().all(is_host_byte) {
        return Err(OriginError::HostBytes);
    }
    // If the URL of a page has the dot of the root zone, so has its origin.
    let mut labels = name.strip_suffix('.').unwrap_or(name).split('.');
    if host.len() > MAX_HOST_BYTES
        || labels.clone().any(|label| !(1..=MAX_LABEL_BYTES).contains(&label.len()))
    {
        return Err(OriginError::Host);
    }
    // Browsers parse a host as an IPv4 address if its last label is a number (WHATWG URL, "ends in a
    // number").
    let ends_in_number = labels.next_back().is_some_and(|label| {
        let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
        label.bytes().all(|byte| byte.is_ascii_digit())
            || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if ends_in_number && name.len() != host.len() {
        return Err(OriginError::Wildcard);
    }
    if ends_in_number && name.parse::<Ipv4Addr>().is_err() { Err(OriginError::Ipv4) } else { Ok(()) }
}

/// Whether `entry` matches the origin of a request. Case and the default port of the scheme make no
/// difference.
pub(super) fn origin_matches(entry: &str, origin: &str) -> bool {
    let (Some((scheme, allowed)), Some((scheme_sent, sent))) =
        (entry.split_once("://"), origin.split_once("://"))
    else {
        // Only `null` has no scheme.
        return entry.eq_ignore_ascii_case(origin);
    };
    if !scheme.eq_ignore_ascii_case(scheme_sent) {
        return false;
    }
    let ((allowed, allowed_port), (sent, sent_port)) = (split_port(allowed), split_port(sent));
    port_of(scheme, allowed_port) == port_of(scheme, sent_port) && host_matches(allowed, sent)
}

fn host_matches(entry: &str, host: &str) -> bool {
    let Some(domain) = entry.strip_prefix('*') else {
        return entry.eq_ignore_ascii_case(host)
            || ipv6(entry).is_some_and(|address| Some(address) == ipv6(host));
    };
    // `domain` begins with a dot, so that whole labels precede it.
    let Some((labels, end)) = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at))
    else {
        return false;
    };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    end.eq_ignore_ascii_case(domain) && labels.split('.').all(is_label)
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The host, and the port if there is one.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A colon within the brackets belongs to the address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The port, or the default of the scheme; `None` if it has none. An invalid port is an error, which equals
/// no port.
fn port_of<'a>(scheme: &str, port: Option<&'a str>) -> Result<Option<u16>, &'a str> {
    match port {
        Some(port) => parse_port(port).map(Some).ok_or(port),
        None if scheme.eq_ignore_ascii_case("https") => Ok(Some(443)),
        None if scheme.eq_ignore_ascii_case("http") => Ok(Some(80)),
        None => Ok(None),
    }
}

/// Parses a port as browsers write it: `parse` alone would accept a sign and leading zeros.
fn parse_port(port: &str) -> Option<u16> {
    let plain = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    plain.then(|| port.parse().ok())?
}

#[cfg(test)]
mod tests;
