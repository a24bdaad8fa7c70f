//! Parsing of the request target and the host (RFC 9112 §3.2, RFC 3986 §3.2.2).

use super::refusal::Fault;
use std::net::Ipv6Addr;

/// The parts of a request target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'h> {
    /// The host of an absolute target.
    pub(super) host: Option<&'h str>,
    /// The path. It begins with `/`, and is not percent-decoded.
    pub(super) path: &'h str,
    /// The part after the first `?`.
    pub(super) query: Option<&'h str>,
}

impl<'h> Target<'h> {
    /// Parses the target of a GET: `/path?query`, or an absolute URI, which clients send to proxies. It is
    /// visible ASCII, since nothing else passes the scanner.
    ///
    /// # Errors
    /// [`Fault::Target`] for any other form, and for a fragment (RFC 6455 §3).
    pub(super) fn parse(target: &'h str) -> Result<Self, Fault> {
        if target.contains('#') {
            return Err(Fault::Target);
        }
        let (host, rest) = if target.starts_with('/') {
            (None, target)
        } else {
            let (host, rest) = split_absolute(target).ok_or(Fault::Target)?;
            (Some(host), rest)
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        // Only an absolute URI can have an empty path, which means the root (RFC 9110 §4.2.3).
        let path = if path.is_empty() { "/" } else { path };
        Ok(Target { host, path, query })
    }
}

/// Splits an absolute URI into its host and the rest.
fn split_absolute(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at_checked(end)?;
    is_host(host).then_some((host, rest))
}

/// Whether `host` is a name or an address, with or without a port (RFC 3986 §3.2.2).
///
/// Only characters that real names use are accepted: parsers disagree about percent-encoding, commas, and a
/// user before an `@`.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest
            .split_once(']')
            .is_some_and(|(address, port)| address.parse::<Ipv6Addr>().is_ok() && is_port_suffix(port));
    }
    let end = host.find(':').unwrap_or(host.len());
    host.split_at_checked(end).is_some_and(|(name, port)| is_name(name) && is_port_suffix(port))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Whether `suffix` is empty, or a colon with a port after it, which may be empty.
fn is_port_suffix(suffix: &str) -> bool {
    match suffix.strip_prefix(':') {
        Some("") => true,
        // `parse` alone would accept a sign.
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => suffix.is_empty(),
    }
}
