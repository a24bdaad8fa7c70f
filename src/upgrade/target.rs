//! What a request asks for: the request target, and the host.

use super::refusal::Fault;
use std::net::Ipv6Addr;

/// The parts of a request target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'h> {
    /// The host that an absolute target names.
    pub(super) host: Option<&'h str>,
    /// Begins with `/`; percent-encoding is left as it is.
    pub(super) path: &'h str,
    /// What follows the first `?`.
    pub(super) query: Option<&'h str>,
}

impl<'h> Target<'h> {
    /// Takes the target of a GET apart: `/path?query`, or an absolute URI as it is sent to a proxy. It is
    /// visible ASCII already: nothing else passes the scanner.
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
        // Only an absolute URI can leave the path out, and then means the root (RFC 9110 §4.2.3).
        let path = if path.is_empty() { "/" } else { path };
        Ok(Target { host, path, query })
    }
}

/// Splits an absolute URI into its host, and its path and query.
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
/// Of the bytes that a name may have only those are taken that real names use. Percent-encoding and
/// commas are where two parsers find different hosts, and so is the user before an `@`.
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

/// Whether `suffix` is nothing, or a colon with a port behind it, which may be empty.
fn is_port_suffix(suffix: &str) -> bool {
    match suffix.strip_prefix(':') {
        Some("") => true,
        // A number may be parsed with a sign; a port has none.
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => suffix.is_empty(),
    }
}
