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
/// are not UTF-8 are shown as `\xff`.
fn escaped(text: &OsStr, max_chars: usize) -> String {
    let mut line = String::new();
    let mut used = 0;
    for chunk in text.as_encoded_bytes().utf8_chunks() {
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
