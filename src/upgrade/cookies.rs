//! Reads the cookies of a request (RFC 6265 §4.2.1, §5.4), tolerantly: what is no cookie is left out.

/// The cookies in one `Cookie` header, in their order: pairs of `name=value` with a `;` between them.
///
/// White space around names and values is removed, and quotes around a whole value. A pair without `=`, with
/// an empty name, or that is not UTF-8 is left out.
pub(super) fn cookies(header: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    header.split(|&byte| byte == b';').filter_map(cookie)
}

fn cookie(pair: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = str::from_utf8(pair).ok()?.split_once('=')?;
    let (name, value) = (name.trim_matches(is_space), value.trim_matches(is_space));
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    (!name.is_empty()).then_some((name, unquoted.unwrap_or(value)))
}

/// White space of HTTP (RFC 9110 §5.6.3).
fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and the cookies that are read from it.
    type Case = (&'static [u8], &'static [(&'static str, &'static str)]);

    #[test]
    fn cookies_are_read_tolerantly() {
        let cases: [Case; 19] = [
            (b"", &[]),
            (b";", &[]),
            (b" ; ;; ", &[]),
            (b"a=1", &[("a", "1")]),
            (b"a=1; b=2", &[("a", "1"), ("b", "2")]),
            // Some clients leave out the space.
            (b"a=1;b=2;", &[("a", "1"), ("b", "2")]),
            (b"\ta = 1 ;\t b\t=\t2\t", &[("a", "1"), ("b", "2")]),
            (b"a=", &[("a", "")]),
            // The name ends at the first `=`.
            (b"a=b=c==", &[("a", "b=c==")]),
            (b"a=\"1 2\"; b=\"\"", &[("a", "1 2"), ("b", "")]),
            // Quotes hide no semicolon, and only a pair of quotes is removed.
            (b"a=\"1;2\"; b=\"; c=3\"; d=\"e", &[("a", "\"1"), ("b", "\""), ("c", "3\""), ("d", "\"e")]),
            (b"a; =; =1; b=2", &[("b", "2")]),
            (b"a=1; a=2", &[("a", "1"), ("a", "2")]),
            (b"A=1; a=2", &[("A", "1"), ("a", "2")]),
            (b"$Version=1; a=1; $Path=/", &[("$Version", "1"), ("a", "1"), ("$Path", "/")]),
            (b"a=1, b=2", &[("a", "1, b=2")]),
            (b"a=%22%3b", &[("a", "%22%3b")]),
            (b"a=\xff; \xfe=1; b=2", &[("b", "2")]),
            ("ä=ö; b=2".as_bytes(), &[("ä", "ö"), ("b", "2")]),
        ];
        for (header, expected) in cases {
            let read: Vec<_> = cookies(header).collect();
            assert_eq!(read, expected, "{}", header.escape_ascii());
        }
    }
}
