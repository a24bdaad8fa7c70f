//! What the fuzz targets share: where an input is cut, and what a decoder makes of bytes.

use sysconn::frame::{Decoder, Error, Event, Kind, Rules};

/// Takes the byte off the front that says where to cut what follows it: 0 at its beginning, 255 at
/// its end.
#[must_use]
pub fn take_cut(data: &[u8]) -> Option<(usize, &[u8])> {
    let (&cut, rest) = data.split_first()?;
    Some((rest.len() * usize::from(cut) / 255, rest))
}

/// A decoder's event, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A text message, which must be UTF-8.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A Ping's payload.
    Ping(Vec<u8>),
    /// A Pong's payload.
    Pong(Vec<u8>),
    /// A Close frame's code and reason.
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind: Kind::Text, payload, .. } => {
                Seen::Text(str::from_utf8(payload).expect("text is UTF-8").to_owned())
            }
            Event::Message { kind: Kind::Binary, payload, .. } => Seen::Binary(payload.to_vec()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(close) => {
                Seen::Close(close.map(|close| (close.code.get(), close.reason.to_owned())))
            }
        }
    }
}

/// Gives one piece of a stream to the decoder and appends what it sees. Afterwards the piece is used
/// up, or a rule is violated.
///
/// # Errors
/// The rule.
pub fn feed(decoder: &mut Decoder, piece: &[u8], rules: &Rules, seen: &mut Vec<Seen>) -> Result<(), Error> {
    let mut bytes = piece.to_vec();
    let mut input = bytes.as_mut_slice();
    while let Some(event) = decoder.next(&mut input, rules)? {
        seen.push(event.into());
    }
    assert!(input.is_empty(), "more is asked for while {} bytes are left", input.len());
    Ok(())
}
