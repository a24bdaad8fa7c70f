//! The path and origin of a request for the log, also from a malformed or incomplete head.

/// The path of the request target without its query, which may contain a secret. `head` is the part that has
/// arrived, however malformed. `None` if no path is found.
pub(crate) fn path(head: &[u8]) -> Option<&[u8]> {
    let mut words = lines(head).next()?.split(|byte| *byte == b' ');
    let target = words.nth(1)?;
    let end = query_at(target).unwrap_or(target.len());
    let target = target.get(..end)?;
    if target.starts_with(b"/") {
        return Some(target);
    }
    // An absolute URI: the part before its path may contain a password.
    let authority = target.windows(3).position(|bytes| bytes == b"://")? + 3;
    let rest = target.get(authority..)?;
    let slash = rest.iter().position(|byte| *byte == b'/');
    Some(slash.and_then(|at| rest.get(at..)).unwrap_or(b"/"))
}

/// The end of the path: at a query or fragment. A client that encodes the `?` means a query, too.
fn query_at(target: &[u8]) -> Option<usize> {
    let encoded = |rest: &[u8]| rest.get(..3).is_some_and(|rest| rest.eq_ignore_ascii_case(b"%3f"));
    (0..target.len()).find(|&at| {
        target.get(at..).is_some_and(|rest| rest.starts_with(b"?") || rest.starts_with(b"#") || encoded(rest))
    })
}

/// The value of the first `Origin` header.
pub(crate) fn origin(head: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"origin:";
    lines(head)
        .skip(1)
        .filter_map(|line| line.split_at_checked(NAME.len()))
        .find_map(|(name, value)| name.eq_ignore_ascii_case(NAME).then(|| value.trim_ascii()))
}

/// The lines of the head, without an empty one at its front.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_shown_without_its_query() {
        for (head, expected) in [
            ("GET /ws HTTP/1.1\r\nHost: h\r\n", Some("/ws")),
            ("GET /ws?token=secret HTTP/1.1\r\n", Some("/ws")),
            ("GET /ws%3Ftoken=secret HTTP/1.1\r\n", Some("/ws")),
            ("GET /ws%3ftoken", Some("/ws")),
            ("GET /ws#secret HTTP/1.1", Some("/ws")),
            ("GET /a b?secret HTTP/1.1", Some("/a")),
            ("GET /a?b secret/c HTTP/1.1", Some("/a")),
            ("GET ?secret HTTP/1.1", None),
            ("\r\nPOST /after/an/empty/line HTTP/1.0\r\n", Some("/after/an/empty/line")),
            ("GET ws://user:secret@host/ws?x=/secret HTTP/1.1", Some("/ws")),
            ("GET ws://user:secret@host?x=/secret HTTP/1.1", Some("/")),
            ("GET ws://user:secret", Some("/")),
            ("CONNECT secret:443 HTTP/1.1", None),
            ("OPTIONS * HTTP/1.1", None),
            ("GET ", None),
            ("GET", None),
            ("", None),
        ] {
            assert_eq!(path(head.as_bytes()), expected.map(str::as_bytes), "{head}");
        }
        assert_eq!(path(b"GET /\xff\x1b HTTP/1.1\r\n"), Some(&b"/\xff\x1b"[..]));
    }

    #[test]
    fn the_first_origin_is_shown() {
        for (head, expected) in [
            (
                "GET / HTTP/1.1\r\nHost: h\r\nORIGIN:  https://a.example \r\nOrigin: b\r\n",
                Some("https://a.example"),
            ),
            ("GET / HTTP/1.1\r\nX-Origin: a\r\n\r\n", None),
            ("Origin: a\r\n", None),
            ("GET / HTTP/1.1\r\nOrigin:", Some("")),
        ] {
            assert_eq!(origin(head.as_bytes()), expected.map(str::as_bytes), "{head}");
        }
    }
}
