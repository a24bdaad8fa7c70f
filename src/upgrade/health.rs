//! Health checks: the requests by which a proxy asks whether the server takes clients.

use super::refusal::Refusal;
use super::request::{Parsed, check_host, check_no_body, parse};
use super::target::Target;

/// Whether a complete head, which has passed a [`HeadScanner`](super::HeadScanner), is a health check: a GET or a HEAD
/// for this path, whatever its query. HTTP/1.0 knows no Host, and there one may be missing.
///
/// # Errors
/// As for an upgrade, if it is one and is malformed.
pub fn asks_for_health(head: &[u8], path: &str) -> Result<bool, Refusal> {
    parse(head, |Parsed { method, target, is_1_0, headers }| {
        if !matches!(method, "GET" | "HEAD") || Target::parse(target).map_or(true, |it| it.path != path) {
            return Ok(false);
        }
        if !is_1_0 || headers.values("Host").next().is_some() {
            check_host(headers)?;
        }
        check_no_body(headers)?;
        Ok(true)
    })
}

/// Appends the answer to a health check: 503 if it is to fail, or else 200. No cache may keep it, and a HEAD gets no
/// body (RFC 9110 §9.3.2).
pub(crate) fn write_health(fails: bool, is_head: bool, out: &mut Vec<u8>) {
    let (status, body) =
        if fails { ("503 Service Unavailable", "draining\n") } else { ("200 OK", "healthy\n") };
    for part in [
        "HTTP/1.1 ",
        status,
        "\r\nContent-Type: text/plain\r\nContent-Length: ",
        if fails { "9" } else { "8" },
        "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        if is_head { "" } else { body },
    ] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Whether bytes begin a HEAD request, as far as they have come.
pub(crate) fn is_head_request(head: &[u8]) -> bool {
    head.strip_prefix(b"\r\n").unwrap_or(head).starts_with(b"HEAD ")
}
