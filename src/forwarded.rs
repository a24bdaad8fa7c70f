//! The headers in which HTTP proxies say whose request they pass on: X-Forwarded-For, and Forwarded (RFC 7239).
//!
//! Each proxy appends who has connected to it, so the lists are read from the right: what a trusted proxy has
//! appended is believed, and all that stands to the left of the first address that is no trusted proxy's may be
//! anybody's invention. It is not even looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::record::Peer;
use crate::trusted::TrustedProxy;
use crate::upgrade::{Fault, is_token_byte};

/// The client that the header lines of a request name, which has come from `peer`: the first address from the right that
/// is not trusted, or else the leftmost one. A port that is not told is 0.
///
/// None: nobody is named, or `peer` is not trusted. An entry that names no address, such as `unknown` or `_hidden`
/// (RFC 7239 §6), ends the search at the proxy that has written it.
///
/// # Errors
/// [`Fault::Forwarded`] where what a trusted proxy has written is malformed, and [`Fault::ForwardedTwice`] where
/// both headers are there and name different clients.
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

/// Goes through entries from the right, for as long as who has written them is trusted. None if there are none.
fn walk<'h>(
    entries: impl Iterator<Item = &'h [u8]>,
    read: fn(&[u8]) -> Option<Node>,
    peer: Peer,
    trusted: &[TrustedProxy],
) -> Result<Option<Peer>, Fault> {
    let is_trusted = |hop: Peer| trusted.iter().any(|proxy| proxy.covers(hop));
    let mut reached = None;
    // Empty elements of a list are to be ignored (RFC 9110 §5.6.1.2).
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

/// The client that both name, with its port where only one of them tells it.
fn same(one: Peer, other: Peer) -> Option<Peer> {
    match (one, other) {
        (Peer::Ip(ip, 0), Peer::Ip(also, port)) | (Peer::Ip(ip, port), Peer::Ip(also, 0)) if ip == also => {
            Some(Peer::Ip(ip, port))
        }
        _ => (one == other).then_some(one),
    }
}

/// What an entry says of who has connected.
enum Node {
    Named(Peer),
    /// The proxy does not know, or does not tell.
    Unnamed,
}

/// An entry of X-Forwarded-For, which nothing specifies: proxies write addresses with a port or without one, IPv6 with
/// brackets or without, and `unix:` for a Unix domain socket.
fn plain(entry: &[u8]) -> Option<Node> {
    let text = str::from_utf8(entry).ok()?;
    match text.parse::<Ipv6Addr>() {
        Ok(ip) => Some(named(ip.into(), 0)),
        Err(_) if text == "unix:" => Some(Node::Named(Peer::Local)),
        Err(_) => node(text),
    }
}

/// A node's name, and its port if that is told (RFC 7239 §6).
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

/// The port behind a colon; 0 where there is none, or its number is hidden.
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

/// Whether a name stands for one that is kept secret (RFC 7239 §6.3).
fn is_obfuscated(name: &str) -> bool {
    name.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

/// The elements of one line of Forwarded, from the right. A comma within quotes separates nothing.
///
/// From the right, so that an open quote in what the client has sent does not take in what proxies have appended.
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

/// Whether the byte there has an odd number of backslashes in front.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// One element of Forwarded: pairs of a token and a value, with semicolons between them (RFC 7239 §4).
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

fn token_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_token_byte(**byte)).count()
}

/// The token or quoted string at the front (RFC 9110 §5.6.4), and what follows it.
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
