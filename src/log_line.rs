//! One line of the log: an event, followed by named fields.
//!
//! Each line goes to the `log` crate in two forms: as text, `event name=value name="some text"`, and as
//! key-values (`log::kv`), of which the first is `event`. In the text, everything that a client has sent is
//! escaped: it cannot end the line, move the cursor, or reverse the direction of text. In both forms no value
//! is longer than 255 characters.
//!
//! ```
//! use log::Level;
//! use log::kv::Value;
//! let fields = [("item", Value::from("hat")), ("coins", Value::from(7))];
//! sysconn::log_line::write(Level::Info, "purchase", &fields);
//! ```

use std::fmt::{self, Write as _};

use log::kv::{self, Key, Source, Value, VisitSource, VisitValue};
use log::{Level, Record};

/// The target of all these lines, by which loggers can filter.
pub const TARGET: &str = "sysconn";

/// The key of the event's name among the key-values.
pub const EVENT: &str = "event";

/// The most characters of one value that are written: the length of the longest account name. `…` replaces
/// the rest.
const MAX_VALUE_CHARS: usize = 255;

/// Whether any logger takes lines of that level.
#[must_use]
pub fn is_enabled(level: Level) -> bool {
    log::log_enabled!(target: TARGET, level)
}

/// Writes a line. A field is a name and a value; in a list of `Option`s, `None` is left out.
pub fn write(level: Level, event: &str, fields: &dyn Source) {
    if !is_enabled(level) {
        return;
    }
    let line = Line { event, fields };
    log::logger().log(
        &Record::builder()
            .level(level)
            .target(TARGET)
            .module_path_static(Some(TARGET))
            .key_values(&line)
            .args(format_args!("{line}"))
            .build(),
    );
}

struct Line<'a> {
    event: &'a str,
    fields: &'a dyn Source,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(self.event))?;
        self.fields.visit(&mut InText(f)).map_err(|_| fmt::Error)
    }
}

impl Source for Line<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        visitor.visit_pair(Key::from_str(EVENT), Value::from(self.event))?;
        self.fields.visit(&mut Cutting(visitor))
    }
}

/// Passes fields on with long texts cut off, for loggers that write fields themselves.
struct Cutting<'a, 'kvs>(&'a mut dyn VisitSource<'kvs>);

impl<'kvs> VisitSource<'kvs> for Cutting<'_, 'kvs> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let end = |text: &str| text.char_indices().nth(MAX_VALUE_CHARS).map(|(end, _)| end);
        let cut = value.to_borrowed_str().and_then(|text| text.get(..end(text)?));
        self.0.visit_pair(key, cut.map_or(value, Value::from))
    }
}

/// Writes fields as ` name=value`. Text is in quotes; numbers, ids and addresses are not.
struct InText<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl<'kvs> VisitSource<'kvs> for InText<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        write!(self.0, " {}=", Escaped(key.as_str()))?;
        value.visit(InTextValue(self.0))
    }
}

struct InTextValue<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl<'v> VisitValue<'v> for InTextValue<'_, '_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        Ok(write!(Escaping { to: self.0, quotes: false, left: MAX_VALUE_CHARS }, "{value}")?)
    }

    fn visit_str(&mut self, text: &str) -> Result<(), kv::Error> {
        self.0.write_char('"')?;
        Escaping { to: self.0, quotes: true, left: MAX_VALUE_CHARS }.write_str(text)?;
        Ok(self.0.write_char('"')?)
    }
}

/// Text that can neither end a line nor change the look of its rest. Already escaped text stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaping { to: f, quotes: false, left: usize::MAX }.write_str(self.0)
    }
}

/// Escapes text that is written to it, and cuts it off.
struct Escaping<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    /// The text is between quotes.
    quotes: bool,
    /// Characters that may still be written.
    left: usize,
}

impl Escaping<'_, '_> {
    /// Whether a character is written as it is.
    fn stays(&self, letter: char) -> bool {
        is_plain(letter) && !(self.quotes && matches!(letter, '"' | '\\'))
    }
}

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most texts.
        if text.len() < self.left && text.is_ascii() && text.bytes().all(|byte| self.stays(byte.into())) {
            self.left -= text.len();
            return self.to.write_str(text);
        }
        for letter in text.chars() {
            if self.left == 0 {
                return Ok(());
            }
            self.left -= 1;
            if self.left == 0 {
                self.to.write_char('…')?;
            } else if self.stays(letter) {
                self.to.write_char(letter)?;
            } else {
                write!(self.to, "{}", letter.escape_debug())?;
            }
        }
        Ok(())
    }
}

/// Whether a character can be logged unescaped: it is visible, or a space, and does not affect its
/// neighbours. Others are escaped: control characters, line and paragraph separators, Unicode's bidirectional
/// controls, combining characters, and unassigned ones.
#[must_use]
pub fn is_plain(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        _ => letter.escape_debug().len() == 1,
    }
}

/// Bytes as text, for a field: invalid UTF-8 becomes U+FFFD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn to_text(self) -> String {
        // Convert no more than can be shown.
        let shown = self.0.get(..4 * MAX_VALUE_CHARS).unwrap_or(self.0);
        String::from_utf8_lossy(shown).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(event: &str, fields: &dyn Source) -> String {
        Line { event, fields }.to_string()
    }

    #[test]
    fn a_line_is_an_event_and_its_fields() {
        let fields = [
            Some(("id", Value::from_display(&7))),
            None,
            Some(("n", Value::from(8))),
            Some(("path", Value::from("/a b"))),
        ];
        assert_eq!(text("end of it", &fields), r#"end of it id=7 n=8 path="/a b""#);
    }

    #[test]
    fn no_value_ends_the_line_or_hides_a_part_of_it() {
        for (given, shown) in [
            ("名字 ß …", "名字 ß …"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            (r#"a" b=\"#, r#"a\" b=\\"#),
            ("\u{1b}[31m\0\u{7f}\u{9b}", r"\u{1b}[31m\0\u{7f}\u{9b}"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}", r"\u{202e}\u{2066}\u{200f}\u{61c}"),
            ("\u{2028}\u{2029}\u{85}", r"\u{2028}\u{2029}\u{85}"),
            ("\u{feff}\u{200b}\u{ad}\u{e000}", r"\u{feff}\u{200b}\u{ad}\u{e000}"),
            ("e\u{301}", r"e\u{301}"),
        ] {
            assert_eq!(text("e", &("k", given)), format!("e k=\"{shown}\""));
            let unquoted = shown.replace("\\\"", "\"").replace("\\\\", "\\");
            assert_eq!(text("e", &("k", Value::from_display(&given))), format!("e k={unquoted}"));
            assert_eq!(Escaped(given).to_string(), unquoted);
            assert_eq!(Escaped(&unquoted).to_string(), unquoted, "once is enough");
        }
        assert_eq!(Bytes(b"a\xff\xc3").to_text(), "a\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "长".repeat(10_000);
        for line in [text("e", &("k", long.as_str())), text("e", &("k", Value::from_display(&long)))] {
            assert_eq!(line.chars().filter(|letter| *letter == '长').count(), MAX_VALUE_CHARS - 1);
            assert!(line.trim_end_matches('"').ends_with('…'), "{line}");
        }
        for (chars, kept) in [(10_000, MAX_VALUE_CHARS), (MAX_VALUE_CHARS, MAX_VALUE_CHARS), (3, 3)] {
            let long = "长".repeat(chars);
            let fields = ("k", long.as_str());
            let value = Line { event: "e", fields: &fields }.get("k".into()).unwrap().to_string();
            assert_eq!(value.chars().count(), kept, "of {chars}, for a logger that takes fields");
        }
    }
}
