//! The events of a decoder, kept for comparison in one buffer for all inputs.

use std::fmt;

use sysconn::frame::{Decoder, Error, Event, MAX_CONTROL_PAYLOAD, MessageKind, Rules};

/// The events of a decoder, and the error with which it ended.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// For each event: its kind, the length of its payload (4 bytes), and the payload.
    events: Vec<u8>,
    error: Option<Error>,
}

impl Trace {
    /// Removes all events, and keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.error = None;
    }

    /// Removes all events, and reserves memory for those of `len` bytes.
    pub fn begin(&mut self, len: usize) {
        self.clear();
        self.events.reserve(len + 1024);
    }

    /// The rule that was violated, if any.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.error
    }

    /// Gives one piece of a stream to the decoder, which unmasks it in place, and notes the events. Checks
    /// that all of it is used, or that an error is final.
    pub fn feed(&mut self, decoder: &mut Decoder, piece: &mut [u8], rules: &Rules) {
        let mut input = piece;
        loop {
            match decoder.next(&mut input, rules) {
                Ok(Some(event)) => self.note(event, rules),
                Ok(None) => {
                    assert!(input.is_empty(), "more is asked for while {} bytes are left", input.len());
                    return;
                }
                Err(error) => {
                    self.error = Some(error);
                    let mut more = [0x82, 0];
                    assert_eq!(decoder.next(&mut more.as_mut_slice(), rules), Err(error), "an error stays");
                    return;
                }
            }
        }
    }

    /// Checks an event against the rules, and notes it.
    fn note(&mut self, event: Event<'_>, rules: &Rules) {
        match event {
            Event::Message { kind, compressed, payload } => {
                assert!(payload.len() <= rules.max_len, "a message of {} bytes", payload.len());
                assert!(!compressed || rules.deflate, "a compressed message");
                assert!(kind == MessageKind::Binary || rules.text, "a text message");
                assert!(
                    kind == MessageKind::Binary || compressed || str::from_utf8(payload).is_ok(),
                    "not UTF-8"
                );
                self.push(
                    if kind == MessageKind::Text { b't' } else { b'b' } ^ u8::from(compressed) << 5,
                    payload,
                );
            }
            Event::Ping(payload) => self.push_control(b'i', payload),
            Event::Pong(payload) => self.push_control(b'o', payload),
            Event::Close(None) => self.push_control(b'n', b""),
            Event::Close(Some(close)) => {
                self.push_control(b'c', &close.code.get().to_be_bytes());
                self.push_control(b'r', close.reason.as_bytes());
            }
        }
    }

    fn push_control(&mut self, kind: u8, payload: &[u8]) {
        assert!(payload.len() <= MAX_CONTROL_PAYLOAD, "a control frame of {} bytes", payload.len());
        self.push(kind, payload);
    }

    fn push(&mut self, kind: u8, payload: &[u8]) {
        self.events.push(kind);
        self.events.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.events.extend_from_slice(payload);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\", then {:?}", self.events.escape_ascii(), self.error)
    }
}
