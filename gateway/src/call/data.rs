//! Data from the command line, and Data as it is printed.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

use super::catalogue::Command;
use crate::options::CallData;

/// The characters that turn the direction of text (Unicode's Bidi_Control).
const TURNS: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// How Data that belongs to no known message is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Hex,
}

impl Form {
    /// Text if text was sent, hex otherwise.
    pub(crate) fn of(sent: &CallData) -> Self {
        if matches!(sent, CallData::Text(_)) { Form::Text } else { Form::Hex }
    }
}

/// The Data of a call. `advice` says how to have a message of the command known, if one can.
///
/// # Errors
/// One line that says why it is no message of the command.
pub(crate) fn encode(data: &CallData, command: &Command, advice: &str) -> Result<Vec<u8>, String> {
    match data {
        CallData::None => Ok(Vec::new()),
        CallData::Text(text) => Ok(text.clone().into_bytes()),
        CallData::Hex(bytes) => Ok(bytes.clone()),
        CallData::Json(json) => {
            let Some(message) = &command.request else {
                return Err(format!("--json: no message of command {} is known{advice}", command.cmd));
            };
            from_json(message, json).map_err(|error| format!("--json: {error}"))
        }
    }
}

/// A message of JSON, as bytes.
///
/// # Errors
/// One line that says why it is no such message.
pub(crate) fn from_json(message: &MessageDescriptor, json: &str) -> Result<Vec<u8>, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = DynamicMessage::deserialize(message.clone(), &mut reader)
        .and_then(|message| reader.end().map(|()| message));
    let message = read.map_err(|error| format!("expected {} as JSON: {error}", message.name()))?;
    Ok(message.encode_to_vec())
}

/// Bytes as JSON, if they are such a message.
pub(crate) fn to_json(message: MessageDescriptor, data: &[u8]) -> Option<String> {
    json(&DynamicMessage::decode(message, data).ok()?)
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Data of a reply or push on one line: as JSON if its message is known.
pub(crate) fn show(data: &[u8], command: &Command, form: Form) -> String {
    let shown = command.reply.clone().and_then(|message| to_json(message, data));
    shown.unwrap_or_else(|| match form {
        Form::Hex => to_hex(data),
        Form::Text => escaped(&String::from_utf8_lossy(data), |char| char.escape_default().to_string()),
    })
}

/// Text in which nothing controls a terminal, or turns its lines around.
fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let is_plain = |char: char| !char.is_control() && !TURNS.contains(&char);
    text.chars().map(|char| if is_plain(char) { char.to_string() } else { escape(char) }).collect()
}

/// With all fields, under the names in the .proto file. 64-bit numbers are strings, as many readers of JSON
/// round them.
fn json(message: &DynamicMessage) -> Option<String> {
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let mut json = serde_json::Serializer::new(Vec::new());
    message.serialize_with_options(&mut json, &options).ok()?;
    let json = String::from_utf8(json.into_inner()).ok()?;
    // Outside of its strings JSON on one line has no such characters.
    Some(escaped(&json, |char| format!("\\u{:04x}", u32::from(char))))
}
