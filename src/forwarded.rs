//! The headers in which HTTP proxies name their client: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
//!
//! Each proxy appends the address that connected to it, so the lists are read from the right. Entries that a
//! trusted proxy has appended are believed. Everything to the left of the first address that is not a trusted
//! proxy may be invented, and is ignored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::Peer;
use crate::trusted::TrustedProxy;
use crate::upgrade::{Fault, is_token_byte};

/// The client of a request that came from `peer`, according to its header lines.
///
/// That is the first address from the right that is not trusted, or the leftmost one if all are. A port that
/// is missing is 0. An entry without an address, such as `unknown` or `_hidden` (RFC 7239 §6), ends the
/// search at the proxy that wrote it. `None` if no client is named, or `peer` is not trusted.
///
/// # Errors
/// [`Fault::Forwarded`] if an entry of a trusted proxy is malformed; [`Fault::ForwardedTwice`] if the two
/// headers name different clients.
pub fn client<'h>(
    lines: impl DoubleEndedIterator<Item = (&'h str, &'h [u8])> + Clone,
    peer: Peer,
    trusted: &[TrustedProxy],
) -> Result<Option<Peer>, Fault> {
    let values = |wanted: &'static str| {
        let named = lines.clone().rev().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value)
    };
    let listed = values("X-Forwarded-For").flat_map(|value| value.rsplit(|byte| *byte == b','));
    let elements = values("Forwarded").flat_map(|value| Elements { rest: Some(value) });
    let client = match (walk(listed, plain, peer, trusted)?, walk(elements, element, peer, trusted)?) {
        (Some(one), Some(other)) => Some(same(one, other).ok_or(Fault::ForwardedTwice)?),
        (one, other) => one.or(other),
    };
    Ok(client.filter(|client| *client != peer))
}

/// Follows entries, given from the right, as long as the proxies that wrote them are trusted. `None` if there
/// are none.
fn walk<'h>(
    entries: impl Iterator<Item = &'h [u8]>,
    read: fn(&[u8]) -> Option<Node>,
    peer: Peer,
    trusted: &[TrustedProxy],
) -> Result<Option<Peer>, Fault> {
    let is_trusted = |hop: Peer| trusted.iter().any(|proxy| proxy.covers(hop));
    let mut reached = None;
    // Empty elements of a list must be ignored (RFC 9110 §5.6.1.2).
    for entry in entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()) {
        let hop = reached.unwrap_or(peer);
        if !is_trusted(hop) {
            break;
        }
        reached = Some(hop);
        match read(entry).ok_or(Fault::Forwarded)? {
            Node::Named(next) if next != Peer::Local || is_trusted(next) => reached = Some(next),
            Node::Named(_) | Node::Unnamed => break,
        }
    }
    Ok(reached)
}

/// The client that both headers name, with its port if only one of them has it. `None` if they differ.
fn same(one: Peer, other: Peer) -> Option<Peer> {
    match (one, other) {
        (Peer::Ip(ip, 0), Peer::Ip(also, port)) | (Peer::Ip(ip, port), Peer::Ip(also, 0)) if ip == also => {
            Some(Peer::Ip(ip, port))
        }
        _ => (one == other).then_some(one),
    }
}

/// The node that an entry names.
enum Node {
    Named(Peer),
    /// The proxy does not know the address, or hides it.
    Unnamed,
}

/// Parses an entry of `X-Forwarded-For`. There is no specification: proxies write addresses with or without a
/// port, IPv6 with or without brackets, and `unix:` for a Unix domain socket.
fn plain(entry: &[u8]) -> Option<Node> {
    let text = str::from_utf8(entry).ok()?;
    match text.parse::<Ipv6Addr>() {
        Ok(ip) => Some(named(ip.into(), 0)),
        Err(_) if text == "unix:" => Some(Node::Named(Peer::Local)),
        Err(_) => node(text),
    }
}

/// Parses the name of a node, and its port if there is one (RFC 7239 §6).
fn node(text: &str) -> Option<Node> {
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, rest) = rest.split_once(']')?;
        return Some(named(ip.parse::<Ipv6Addr>().ok()?.into(), port(rest)?));
    }
    let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let port = port(rest)?;
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Some(Node::Unnamed);
    }
    Some(named(name.parse::<Ipv4Addr>().ok()?.into(), port))
}

fn named(ip: IpAddr, port: u16) -> Node {
    Node::Named(Peer::Ip(ip.to_canonical(), port))
}

/// Parses the port after a colon; 0 if there is none, or it is hidden.
fn port(rest: &str) -> Option<u16> {
    if rest.is_empty() {
        return Some(0);
    }
    let port = rest.strip_prefix(':')?;
    if is_obfuscated(port) {
        return Some(0);
    }
    let is_number = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|_| is_number)
}

/// Whether a name is obfuscated (RFC 7239 §6.3).
fn is_obfuscated(name: &str) -> bool {
    name.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

/// The elements of one line of `Forwarded`, from the right, separated by commas outside of quotes.
///
/// Read from the right, an unclosed quote in the client's part cannot extend into the part that proxies have
/// appended.
struct Elements<'h> {
    rest: Option<&'h [u8]>,
}

impl<'h> Iterator for Elements<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let line = self.rest.take()?;
        let mut is_quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            match byte {
                b'"' => is_quoted = !is_quoted || is_escaped(line, at),
                b',' if !is_quoted => {
                    let (rest, element) = line.split_at_checked(at)?;
                    self.rest = Some(rest);
                    return element.get(1..);
                }
                _ => {}
            }
        }
        Some(line)
    }
}

/// Whether an odd number of backslashes precedes the byte at `at`.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Parses an element of `Forwarded`: pairs of a token and a value, separated by semicolons (RFC 7239 §4).
fn element(element: &[u8]) -> Option<Node> {
    let mut client = None;
    let mut rest = element;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b";") {
            rest = after.trim_ascii_start();
            continue;
        }
        let (name, after) = rest.split_at_checked(token_len(rest))?;
        let (value, after) = value(after.strip_prefix(b"=")?)?;
        if name.is_empty() {
            return None;
        }
        if name.eq_ignore_ascii_case(b"for") && client.replace(value).is_some() {
            return None;
        }
        rest = after.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b";") {
            return None;
        }
    }
    match client {
        Some(client) => node(str::from_utf8(&client).ok()?),
        None => Some(Node::Unnamed),
    }
}

/// The length of the token at the front.
fn token_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_token_byte(**byte)).count()
}

/// Parses the token or quoted string at the front (RFC 9110 §5.6.4). Returns it, unquoted, and the rest.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let (token, rest) = text.split_at_checked(token_len(text))?;
        return (!token.is_empty()).then(|| (token.to_vec(), rest));
    };
    let mut unquoted = Vec::new();
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Some((unquoted, rest)),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                unquoted.push(*byte);
                rest
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests;
