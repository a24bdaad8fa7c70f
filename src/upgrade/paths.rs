//! The list of paths that are served, and the path of health checks: which requests an entry matches, and
//! which entries match none.

use std::fmt;

use crate::config::MAX_HEAD_BYTES;

/// The shortest upgrade request, without its path.
const SHORTEST_HEAD: &str = "GET  HTTP/1.1\r\nHost:h\r\nUpgrade:websocket\r\nConnection:upgrade\r\n\
    Sec-WebSocket-Key:AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version:13\r\n\r\n";

/// Why an entry of [`Upgrades::paths`](crate::config::Upgrades::paths) cannot match any request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// It does not begin with `/`.
    Relative,
    /// It contains a `?` or `#`, which end a path.
    End,
    /// It contains a character that URLs percent-encode: a space, one of ``"<>\`{}``, or one beyond ASCII.
    Encoding,
    /// It has a segment `.` or `..`, which clients resolve before they send a path.
    Dots,
    /// A `*` is not the whole last segment.
    Wildcard,
    /// It contains a `*`, but must be a single path.
    NotOne,
    /// No request with it fits [`MAX_HEAD_BYTES`](crate::config::MAX_HEAD_BYTES).
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::Relative => "a path begins with '/'",
            PathError::End => "a path ends before '?' and '#', and the rest is not compared",
            PathError::Encoding => "clients send such bytes percent-encoded",
            PathError::Dots => "clients resolve '.' and '..' before they ask",
            PathError::Wildcard => "a '*' can only be the last part of a path, as in /ws/*",
            PathError::NotOne => "it stands for one path, and a '*' for many",
            PathError::TooLong => "no request with such a path fits 8 KiB",
        })
    }
}

impl std::error::Error for PathError {}

/// Checks that an entry of the list of paths can match a request.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check_path(entry: &str) -> Result<(), PathError> {
    if !entry.starts_with('/') {
        return Err(PathError::Relative);
    }
    if entry.contains(['?', '#']) {
        return Err(PathError::End);
    }
    // What RFC 3986 §3.3 allows in a path, and browsers do not encode (WHATWG URL, "path percent-encode
    // set").
    if !entry.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\`{}".contains(&byte)) {
        return Err(PathError::Encoding);
    }
    let fixed = entry.strip_suffix("/*").unwrap_or(entry);
    if fixed.contains('*') {
        return Err(PathError::Wildcard);
    }
    // WHATWG URL, "single-dot" and "double-dot URL path segment".
    let is_dots = |part: &str| matches!(&*part.to_ascii_lowercase().replace("%2e", "."), "." | "..");
    if fixed.split('/').any(is_dots) {
        return Err(PathError::Dots);
    }
    if entry.len().saturating_add(SHORTEST_HEAD.len()) > MAX_HEAD_BYTES {
        return Err(PathError::TooLong);
    }
    Ok(())
}

/// Checks that a single path can match a request.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check_health_path(path: &str) -> Result<(), PathError> {
    if path.contains('*') { Err(PathError::NotOne) } else { check_path(path) }
}

/// Whether `entry` matches a path: byte for byte, or, if it ends in `/*`, all paths below.
pub(crate) fn path_matches(entry: &str, path: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(folder) if folder.ends_with('/') => path.starts_with(folder),
        _ => entry == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upgrade::{Policy, check};

    #[test]
    fn a_path_that_cannot_match_is_refused_with_the_reason() {
        let longest = MAX_HEAD_BYTES - SHORTEST_HEAD.len();
        let (fits, too_long) = ("/".repeat(longest), "/".repeat(longest + 1));
        assert_eq!(check_path(&fits), Ok(()));
        let cases: [(PathError, &[&str]); 6] = [
            (PathError::Relative, &["", "ws", "*", "https://a.example/ws"]),
            (PathError::End, &["/a?b", "/a#b", "/?"]),
            (PathError::Encoding, &["/a b", "/ü", "/a\"", "/<id>", "/{id}", "/a\\b", "/`", "/a\0", "/a\x7f"]),
            (PathError::Dots, &["/.", "/..", "/a/../b", "/a/./b", "/a/..", "/%2e", "/.%2E/a", "/../*"]),
            (PathError::Wildcard, &["/ws*", "/*/ws", "/**", "/ws/**", "/ws/*/", "/*a/*", "/a*b"]),
            (PathError::TooLong, &[&too_long]),
        ];
        for (error, entries) in cases {
            for entry in entries {
                assert_eq!(check_path(entry), Err(error), "{entry}");
            }
        }
    }

    #[test]
    fn a_path_matches_itself_or_all_paths_below() {
        for (entry, matches, others) in [
            ("/ws", &["/ws"][..], &["/", "/ws/", "/WS", "/ws/a", "/%77s", "/wsx"][..]),
            ("/ws/", &["/ws/"], &["/ws", "/ws/a"]),
            ("/ws/*", &["/ws/room1", "/ws/a/b", "/ws/", "/ws/*"], &["/ws", "/wsx", "/WS/a", "/", "/a/ws/b"]),
            ("/*", &["/", "/a", "/a/b", "//"], &[]),
            ("/a/b:c,d;e=f@!$&'()+~%20|^[]...", &["/a/b:c,d;e=f@!$&'()+~%20|^[]..."], &["/a/b"]),
        ] {
            assert_eq!(check_path(entry), Ok(()), "{entry}");
            assert!(matches.iter().all(|path| path_matches(entry, path)), "{entry}");
            assert!(!others.iter().any(|path| path_matches(entry, path)), "{entry}");
        }
        // Invalid entries match only themselves.
        assert!(!path_matches("/ws*", "/wsx") && path_matches("/ws*", "/ws*"));
    }

    #[test]
    fn the_shortest_head_is_a_request() {
        let head = SHORTEST_HEAD.replace("GET ", "GET /");
        let policy = Policy::default();
        assert_eq!(check(head.as_bytes(), &policy, |request| request.path() == "/"), Ok(true));
    }
}
