//! Escapes and shortens text from outside for one-line errors.

use std::ffi::OsStr;

/// The most characters that are shown of a value.
const SHOWN_CHARS: usize = 60;
/// The same for file names and messages of parsers.
const SHOWN_LONG_CHARS: usize = 240;

/// The text in quotes, escaped and cut.
pub(super) fn quoted(text: impl AsRef<OsStr>) -> String {
    format!("\"{}\"", escaped(text.as_ref(), SHOWN_CHARS))
}

/// The text escaped and cut, for what needs no quotes.
pub(super) fn bare(text: impl AsRef<OsStr>) -> String {
    escaped(text.as_ref(), SHOWN_CHARS)
}

/// The name of a file, or the message of a parser, escaped.
pub(crate) fn long(text: impl AsRef<OsStr>) -> String {
    escaped(text.as_ref(), SHOWN_LONG_CHARS)
}

/// At most `max_chars` characters, all printable, and `...` where that cut something off. Bytes that
/// are not UTF-8 are shown as `\xff`. A user and password in a URL are not shown.
fn escaped(text: &OsStr, max_chars: usize) -> String {
    let mut line = String::new();
    let mut used = 0;
    for chunk in without_password(text.as_encoded_bytes()).iter().flat_map(|part| part.utf8_chunks()) {
        let valid = chunk.valid().chars().map(|letter| match letter {
            '\'' => letter.to_string(),
            _ => letter.escape_debug().to_string(),
        });
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(invalid) {
            used += piece.chars().count();
            if used > max_chars {
                line.push_str("...");
                return line;
            }
            line.push_str(&piece);
        }
    }
    line
}

/// The parts of a text, with `...` in the place of what looks like `USER:PASSWORD` before an `@`. In a list
/// of URLs that is everything up to the last one.
fn without_password(text: &[u8]) -> [&[u8]; 3] {
    const SCHEME_END: &[u8] = b"://";
    let whole: [&[u8]; 3] = [text, b"", b""];
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else { return whole };
    let (before, host) = text.split_at(at);
    // The name of an abstract Unix socket may begin with an `@`.
    if !before.contains(&b':') || before.starts_with(b"unix:") {
        return whole;
    }
    let scheme = before.windows(SCHEME_END.len()).position(|window| window == SCHEME_END);
    let (scheme, _) = before.split_at(scheme.map_or(0, |begin| begin + SCHEME_END.len()));
    [scheme, b"...", host]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_not_shown() {
        for (text, expected) in [
            ("nats://user:secret@nats.example:4222", r#""nats://...@nats.example:4222""#),
            ("nats://token@nats.example:4222", r#""nats://...@nats.example:4222""#),
            ("nats://a:se/cr@et@h:1", r#""nats://...@h:1""#),
            ("nats://a:secret@h:1,tls://b:secret@g:2", r#""nats://...@g:2""#),
            ("user:secret@nats.example:4222", r#""...@nats.example:4222""#),
            ("nats://@h:1", r#""nats://...@h:1""#),
            ("nats://nats.example:4222", r#""nats://nats.example:4222""#),
            ("unix:/run/game@1", r#""unix:/run/game@1""#),
            ("file@2.pem", r#""file@2.pem""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(long("invalid value 'http://a:secret@b'"), "invalid value 'http://...@b'");
    }
}
