//! The formats of log lines: text and JSON.

use std::fmt::{self, Write as _};

use log::kv::{self, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};
use sysconn::log_line::{EVENT, Escaped, is_plain};

use crate::options::LogFormat;

impl LogFormat {
    /// A record as one line, with its line end. `time` is in the format of RFC 3339.
    pub(crate) fn line(self, time: &dyn fmt::Display, record: &Record<'_>) -> String {
        match self {
            LogFormat::Text => text(time, record),
            LogFormat::Json => json(time, record),
        }
    }

    /// The line that says how many lines could not be written before it.
    pub(crate) fn notice(self, left_out: u64) -> String {
        match self {
            LogFormat::Text => format!("{left_out} log lines could not be written before this one\n"),
            LogFormat::Json => format!(
                "{{\"level\":\"warn\",\"message\":\"log lines could not be written before this one\",\"lines\":{left_out}}}\n"
            ),
        }
    }
}

/// Log records of the library carry their fields in the text already; log records of this program have no
/// fields.
fn text(time: &dyn fmt::Display, record: &Record<'_>) -> String {
    let message = record.args().to_string();
    format!("[{time} {:<5} {}] {}\n", record.level(), record.target(), Escaped(&message))
}

fn json(time: &dyn fmt::Display, record: &Record<'_>) -> String {
    let fields = record.key_values();
    let event = fields.get(Key::from_str(EVENT)).map(|event| event.to_string());
    let message = event.unwrap_or_else(|| record.args().to_string());
    let mut object = Object { text: "{".to_owned() };
    object.string("time", &time.to_string());
    object.string("level", level(record.level()));
    object.string("target", record.target());
    object.string("message", &message);
    // Writing to a string cannot fail.
    let _ = fields.visit(&mut object);
    object.text.push_str("}\n");
    object.text
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// A JSON object (RFC 8259) up to its closing brace.
struct Object {
    text: String,
}

impl Object {
    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_string(&mut self.text, key);
        self.text.push(':');
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(&mut self.text, value);
    }
}

impl<'kvs> VisitSource<'kvs> for Object {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        if key.as_str() == EVENT {
            return Ok(());
        }
        self.key(key.as_str());
        value.visit(JsonValue(&mut self.text))
    }
}

struct JsonValue<'a>(&'a mut String);

impl<'v> VisitValue<'v> for JsonValue<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        push_string(self.0, &value.to_string());
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        Ok(write!(self.0, "{value}")?)
    }
}

/// Appends a JSON string, with every character escaped that is not plainly visible.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if is_plain(letter) => out.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use log::kv::Source;

    use super::*;

    fn line(format: LogFormat, message: &str, fields: &dyn Source) -> String {
        format.line(
            &"NOW",
            &Record::builder()
                .level(Level::Info)
                .target("sysconn")
                .key_values(&fields)
                .args(format_args!("{message}"))
                .build(),
        )
    }

    #[test]
    fn a_line_is_its_text_or_its_fields() {
        let fields = [
            ("event", Value::from("login")),
            ("id", Value::from_display(&u64::MAX)),
            ("code", Value::from(1000)),
            ("account", Value::from("a b")),
        ];
        let text = "login id=7 code=1000 account=\"a b\"";
        assert_eq!(line(LogFormat::Text, text, &fields), format!("[NOW INFO  sysconn] {text}\n"));
        let head = r#"{"time":"NOW","level":"info","target":"sysconn","message":"#;
        assert_eq!(
            line(LogFormat::Json, text, &fields),
            format!("{head}\"login\",\"id\":\"18446744073709551615\",\"code\":1000,\"account\":\"a b\"}}\n")
        );
        let none: [(&str, &str); 0] = [];
        assert_eq!(
            line(LogFormat::Json, text, &none),
            format!("{head}\"login id=7 code=1000 account=\\\"a b\\\"\"}}\n")
        );
    }

    #[test]
    fn nothing_is_written_that_is_not_plain_to_see() {
        for (given, in_text, in_json) in [
            ("名字", "名字", "名字"),
            ("a\nb\r", r"a\nb\r", r"a\u000ab\u000d"),
            ("\u{1b}[31m\0\u{7f}\u{9b}", r"\u{1b}[31m\0\u{7f}\u{9b}", r"\u001b[31m\u0000\u007f\u009b"),
            ("\u{202e}\u{2066}\u{2028}", r"\u{202e}\u{2066}\u{2028}", r"\u202e\u2066\u2028"),
            (r#""\"#, r#""\"#, r#"\"\\"#),
            ("\u{e0001}", r"\u{e0001}", r"\udb40\udc01"),
        ] {
            let none: [(&str, &str); 0] = [];
            assert_eq!(line(LogFormat::Text, given, &none), format!("[NOW INFO  sysconn] {in_text}\n"));
            let message = line(LogFormat::Json, given, &none);
            assert!(message.ends_with(&format!("\"message\":\"{in_json}\"}}\n")), "{message}");
            let field = line(LogFormat::Json, "", &(given, given));
            assert!(field.ends_with(&format!(",\"{in_json}\":\"{in_json}\"}}\n")), "{field}");
        }
    }
}
