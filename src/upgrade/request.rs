//! The check of an upgrade request against RFC 6455 §4.2.1 and against the policy of the server.

use super::cookies::cookies;
use super::head::HeadScanner;
use super::headers::Headers;
use super::origins::origin_matches;
use super::paths::path_matches;
use super::refusal::{Fault, Refusal};
use super::target::{Target, is_host};
use crate::config::MAX_HEAD_LINES;
use std::mem::MaybeUninit;

/// The base64 digits of the 128 bits of a nonce that stand for six bits each. One more follows.
const WHOLE_DIGITS: usize = 128 / 6;
/// The only standard version of the protocol (RFC 6455 §4.1).
const VERSION: &[u8] = b"13";
/// The header with the client's subprotocols.
const SUBPROTOCOLS: &str = "Sec-WebSocket-Protocol";

/// The policy of a server: the paths, origins and subprotocols that it serves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// The paths that are served, compared byte for byte; `/*` at the end matches all below. Others are
    /// answered 404. Empty: all paths.
    pub paths: &'a [String],
    /// The origins that are served, compared without regard to ASCII case and default ports; `*.` in front of
    /// a host matches one or more labels. Others, and requests without one, are answered 403. Empty: any.
    pub origins: &'a [String],
    /// The subprotocols that the server speaks, compared byte for byte. The first of the client's offers that
    /// is listed is chosen.
    pub subprotocols: &'a [String],
    /// Whether a request that offers none of `subprotocols` is refused with [`Fault::Subprotocol`]. Otherwise
    /// it continues without one.
    pub subprotocol_required: bool,
}

/// An upgrade request that has passed all checks, as the application sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'h> {
    headers: Headers<'h>,
    target: Target<'h>,
    host: &'h str,
    origin: Option<&'h str>,
    key: &'h [u8],
    subprotocol: Option<&'h str>,
    server_name: Option<&'h str>,
}

impl<'h> Request<'h> {
    /// The path of the request target. It begins with `/`, and is not percent-decoded.
    #[must_use]
    pub fn path(&self) -> &'h str {
        self.target.path
    }

    /// The query of the request target: the part after the `?`, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&'h str> {
        self.target.query
    }

    /// The host, with its port if one was sent.
    ///
    /// It is that of the request target if the target is absolute, otherwise that of the `Host` header (RFC
    /// 9112 §3.2.2).
    #[must_use]
    pub fn host(&self) -> &'h str {
        self.target.host.unwrap_or(self.host)
    }

    /// The `Origin` header, which browsers send. It is ASCII.
    #[must_use]
    pub fn origin(&self) -> Option<&'h str> {
        self.origin
    }

    /// The value of the first header with this name, compared without regard to ASCII case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        self.headers.values(name).next()
    }

    /// The values of all headers with this name, compared without regard to ASCII case, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.headers.values(name)
    }

    /// All headers in their order: each name as it was sent, and its value without white space around it.
    ///
    /// There are at most [`MAX_HEAD_LINES`]. A value contains no control bytes other than HT.
    pub fn headers(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        self.headers.iter()
    }

    /// The cookies, as names and values, in their order. The values are neither checked nor decoded.
    ///
    /// Several `Cookie` headers count like one. White space around names and values is removed, and quotes
    /// around a whole value. What is no cookie is left out: a pair without `=`, with an empty name, or that
    /// is not UTF-8.
    pub fn cookies(&self) -> impl Iterator<Item = (&'h str, &'h str)> {
        self.headers.values("Cookie").flat_map(cookies)
    }

    /// The value of the first cookie with this name, compared byte for byte. If a client has several, the
    /// first is the one for the longest path (RFC 6265 §5.4).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'h str> {
        self.cookies().find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    /// The name of the server that the client asked for in its TLS handshake (SNI, RFC 6066 §3), in lower
    /// case. None without TLS, behind a proxy that ends TLS, and for clients that connect to an IP address.
    ///
    /// It is the client's claim, as [`host`](Self::host) is; the two may differ.
    #[must_use]
    pub fn server_name(&self) -> Option<&'h str> {
        self.server_name
    }

    /// The subprotocol that was chosen (RFC 6455 §1.9).
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'h str> {
        self.subprotocol
    }

    /// The subprotocols that the client offers, in its order of preference, without values that are no
    /// tokens.
    pub fn offered_subprotocols(&self) -> impl Iterator<Item = &'h str> {
        self.headers.tokens(SUBPROTOCOLS)
    }

    /// The `Sec-WebSocket-Key`: the base64 of 16 bytes.
    pub(super) fn key(&self) -> &'h [u8] {
        self.key
    }
}

/// Checks a complete request head, and passes the accepted request to `accept`.
///
/// `head` is delimited by a [`HeadScanner`], whose rules are checked here again. The form is checked first,
/// then method, path, upgrade and version, key, origin, and subprotocol.
///
/// # Errors
/// The first reason to refuse the request. `accept` is not called then.
pub fn check<R>(
    head: &[u8],
    policy: &Policy<'_>,
    accept: impl FnOnce(&Request<'_>) -> R,
) -> Result<R, Refusal> {
    if HeadScanner::default().scan(head)? != Some(head.len()) {
        return Err(Fault::Incomplete.into());
    }
    check_scanned(head, policy, None, accept)
}

/// [`check`] for a complete head that has passed a [`HeadScanner`], from a client that asked for
/// `server_name` in its TLS handshake.
pub(crate) fn check_scanned<R>(
    head: &[u8],
    policy: &Policy<'_>,
    server_name: Option<&str>,
    accept: impl FnOnce(&Request<'_>) -> R,
) -> Result<R, Refusal> {
    parse(head, |parsed| {
        let request = check_parsed(&parsed, policy)?;
        Ok(accept(&Request { server_name, ..request }))
    })
}

/// The parts of a request head.
pub(super) struct Parsed<'h> {
    pub(super) method: &'h str,
    pub(super) target: &'h str,
    /// Whether the version is HTTP/1.0, not HTTP/1.1.
    pub(super) is_1_0: bool,
    pub(super) headers: Headers<'h>,
}

/// Parses a complete head that has passed a [`HeadScanner`].
pub(super) fn parse<R>(
    head: &[u8],
    then: impl FnOnce(Parsed<'_>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_HEAD_LINES];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(head, &mut lines);
    let (Ok(httparse::Status::Complete(_)), Some(method), Some(target)) =
        (status, parsed.method, parsed.path)
    else {
        return Err(Fault::Incomplete.into());
    };
    then(Parsed { method, target, is_1_0: parsed.version == Some(0), headers: Headers(parsed.headers) })
}

/// Passes the header lines of a complete head to `then`.
pub(crate) fn with_headers<R>(
    head: &[u8],
    then: impl FnOnce(Headers<'_>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    parse(head, |Parsed { headers, .. }| then(headers))
}

/// Checks the parts of a head, after the checks of a [`HeadScanner`].
fn check_parsed<'h>(parsed: &Parsed<'h>, policy: &Policy<'_>) -> Result<Request<'h>, Refusal> {
    let &Parsed { method, target, is_1_0, headers } = parsed;
    if is_1_0 {
        return Err(Fault::OldHttp.into());
    }
    let host = check_host(headers)?;
    check_no_body(headers)?;
    let key = headers.at_most_one("Sec-WebSocket-Key", Fault::Repeated)?;
    let version = headers.at_most_one("Sec-WebSocket-Version", Fault::Repeated)?;
    let origin = check_origin(headers)?;

    // Which forms a target may have depends on the method (RFC 9112 §3.2), so the method comes first.
    if method != "GET" {
        return Err(Refusal::MethodNotAllowed);
    }
    let target = Target::parse(target)?;
    if !policy.paths.is_empty() && !policy.paths.iter().any(|path| path_matches(path, target.path)) {
        return Err(Refusal::NotFound);
    }
    let upgrades = headers.lists("Upgrade", "websocket") && headers.lists("Connection", "upgrade");
    if !upgrades || version != Some(VERSION) {
        return Err(Refusal::UpgradeRequired);
    }
    let key = key.filter(|key| is_key(key)).ok_or(Fault::Key)?;
    if !policy.origins.is_empty() {
        let listed = |origin: &str| policy.origins.iter().any(|entry| origin_matches(entry, origin));
        if !origin.is_some_and(listed) {
            return Err(Refusal::Forbidden);
        }
    }
    let mut offers = headers.tokens(SUBPROTOCOLS);
    let subprotocol = offers.find(|offer| policy.subprotocols.iter().any(|name| name == offer));
    if policy.subprotocol_required && subprotocol.is_none() {
        return Err(Fault::Subprotocol.into());
    }
    Ok(Request { headers, target, host, origin, key, subprotocol, server_name: None })
}

/// The value of the only `Host` header.
pub(super) fn check_host(headers: Headers<'_>) -> Result<&str, Fault> {
    let host = headers.at_most_one("Host", Fault::Host)?.ok_or(Fault::Host)?;
    let host = str::from_utf8(host).map_err(|_| Fault::Host)?;
    if is_host(host) { Ok(host) } else { Err(Fault::Host) }
}

/// Checks that the request has no body. A proxy in front would read it as a body, this server as frames.
pub(super) fn check_no_body(headers: Headers<'_>) -> Result<(), Fault> {
    if headers.values("Transfer-Encoding").next().is_some() {
        return Err(Fault::Body);
    }
    match headers.at_most_one("Content-Length", Fault::Repeated)? {
        None | Some(b"0") => Ok(()),
        Some(_) => Err(Fault::Body),
    }
}

/// The value of the only `Origin` header, if there is one.
fn check_origin(headers: Headers<'_>) -> Result<Option<&str>, Fault> {
    let Some(origin) = headers.at_most_one("Origin", Fault::Repeated)? else {
        return Ok(None);
    };
    match str::from_utf8(origin) {
        Ok(origin) if origin.is_ascii() => Ok(Some(origin)),
        _ => Err(Fault::Origin),
    }
}

/// Whether `key` is the base64 of 16 bytes, padded and canonical (RFC 4648 §3.2, §3.5, §4).
fn is_key(key: &[u8]) -> bool {
    let Some((digits, padding)) = key.split_at_checked(WHOLE_DIGITS + 1) else { return false };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    // The last digit stands for two bits of the nonce, and four zeros.
    digits.iter().all(is_digit)
        && matches!(digits.last(), Some(b'A' | b'Q' | b'g' | b'w'))
        && padding == b"=="
}
