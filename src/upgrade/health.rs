//! Health checks: requests with which a proxy or load balancer finds out whether the server accepts clients.

use super::refusal::Refusal;
use super::request::{Parsed, check_host, check_no_body, parse};
use super::target::Target;

/// Whether a complete head is a health check: a GET or HEAD of `path`, with any query.
///
/// `head` must have passed a [`HeadScanner`](super::HeadScanner). With HTTP/1.0, `Host` may be missing.
///
/// # Errors
/// The refusal, if it is a health check and is malformed.
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

/// Appends the answer to a health check: 503 if `fails`, else 200. Caches must not keep it, and a HEAD gets
/// no body (RFC 9110 §9.3.2).
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

/// Whether the bytes that have arrived begin a HEAD request.
pub(crate) fn is_head_request(head: &[u8]) -> bool {
    head.strip_prefix(b"\r\n").unwrap_or(head).starts_with(b"HEAD ")
}
