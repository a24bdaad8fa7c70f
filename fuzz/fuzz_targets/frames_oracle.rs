//! A stream of frames, decoded by the library and by tungstenite: the events are the same, except for the
//! differences that [`difference`] explains.
//!
//! Input: options (1 byte; bit 0 is the role), then what the peer sends.

#![no_main]

use std::io::{Cursor, Read, Write};

use libfuzzer_sys::fuzz_target;
use sysconn::frame::{Decoder, Error, Event, MessageKind, Role, Rules};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::{Message, Role as Side, WebSocket, WebSocketConfig};

/// More than a control frame holds, since tungstenite's limit applies to control frames too.
const MAX_LEN: usize = 4096;

/// An event of either decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind: MessageKind::Text, payload, .. } => {
                Seen::Text(str::from_utf8(payload).expect("text is UTF-8").to_owned())
            }
            Event::Message { kind: MessageKind::Binary, payload, .. } => Seen::Binary(payload.to_vec()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(close) => {
                Seen::Close(close.map(|close| (close.code.get(), close.reason.to_owned())))
            }
        }
    }
}

/// The events up to the first Close, and why they end.
type Run = (Vec<Seen>, End);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The stream ended.
    Bytes,
    /// A Close frame.
    Close,
    /// A violation. The library says of which rule.
    Failed(Option<Error>),
}

fuzz_target!(|data: &[u8]| {
    let Some((&options, wire)) = data.split_first() else { return };
    let (role, side) =
        if options & 1 == 0 { (Role::Server, Side::Server) } else { (Role::Client, Side::Client) };
    let ours = ours(wire, role);
    let theirs = theirs(wire, side);
    if let Err(how) = compare(&ours, &theirs) {
        panic!("{how}\nours:   {ours:?}\ntheirs: {theirs:?}");
    }
});

fn ours(wire: &[u8], role: Role) -> Run {
    let rules = Rules { role, max_len: MAX_LEN, text: true, deflate: false };
    let mut bytes = wire.to_vec();
    let (mut decoder, mut input, mut seen) = (Decoder::new(), bytes.as_mut_slice(), Vec::new());
    loop {
        match decoder.next(&mut input, &rules) {
            Ok(Some(event)) => seen.push(Seen::from(event)),
            Ok(None) => return (seen, End::Bytes),
            Err(error) => return (seen, End::Failed(Some(error))),
        }
        // The library leaves it to its user to stop at a Close.
        if matches!(seen.last(), Some(Seen::Close(_))) {
            return (seen, End::Close);
        }
    }
}

fn theirs(wire: &[u8], side: Side) -> Run {
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_message_size(Some(MAX_LEN))
        .max_frame_size(Some(MAX_LEN));
    let mut socket = WebSocket::from_raw_socket(Peer(Cursor::new(wire)), side, Some(config));
    let mut seen = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => seen.push(Seen::Text(text.as_str().to_owned())),
            Ok(Message::Binary(payload)) => seen.push(Seen::Binary(payload.to_vec())),
            Ok(Message::Ping(payload)) => seen.push(Seen::Ping(payload.to_vec())),
            Ok(Message::Pong(payload)) => seen.push(Seen::Pong(payload.to_vec())),
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (u16::from(close.code), close.reason.as_str().to_owned()));
                seen.push(Seen::Close(close));
                return (seen, End::Close);
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (seen, End::Bytes);
            }
            Err(_) => return (seen, End::Failed(None)),
        }
    }
}

/// A socket that has received all it ever will, and accepts all writes.
struct Peer<'w>(Cursor<&'w [u8]>);

impl Read for Peer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How tungstenite treats input that the library refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// It fails too, once the frame is whole. If the stream ends before that, it does not fail.
    Later,
    /// It reports a Close with 1002, or fails because of the reason.
    CloseIs1002,
    /// It does not have the rule, and goes on.
    NoRule,
}

/// The known differences, by the library's rule.
fn difference(error: Error) -> Difference {
    match error {
        // The library checks a header as soon as it is there, and text as it comes; tungstenite checks whole
        // frames.
        Error::UnmaskedFrame
        | Error::MaskedFrame
        | Error::ReservedBits
        | Error::ReservedOpcode
        | Error::FragmentedControl
        | Error::LengthTopBit
        | Error::UnexpectedContinuation
        | Error::ExpectedContinuation
        | Error::BadUtf8
        | Error::TooBig
        | Error::BadCloseLength => Difference::Later,
        // RFC 6455 §7.4: it replaces a code that must not be sent by 1002.
        Error::BadCloseCode => Difference::CloseIs1002,
        // RFC 6455 §5.2 requires the shortest form of a length, which tungstenite does not check. For the
        // library a short control frame with a long form is LongControl.
        Error::NonMinimalLength | Error::LongControl => Difference::NoRule,
        // A bound of the library: empty fragments would be free otherwise.
        Error::TooManyFragments => Difference::NoRule,
        // Text is allowed, and nothing is inflated. The difference of a new rule has to be added above.
        _ => unreachable!("{error:?}"),
    }
}

fn compare(ours: &Run, theirs: &Run) -> Result<(), &'static str> {
    let End::Failed(Some(error)) = ours.1 else {
        return if *theirs == with_their_1014(ours) { Ok(()) } else { Err("they differ") };
    };
    let more = theirs.0.strip_prefix(ours.0.as_slice()).ok_or("other events before the failure")?;
    match (difference(error), more, theirs.1) {
        (Difference::NoRule, _, _)
        | (Difference::Later, [], End::Failed(_) | End::Bytes)
        | (Difference::CloseIs1002, [], End::Failed(_)) => Ok(()),
        (Difference::CloseIs1002, [Seen::Close(Some((1002, _)))], End::Close) => Ok(()),
        (Difference::Later | Difference::CloseIs1002, _, _) => {
            Err("tungstenite accepts what the library refuses")
        }
    }
}

/// Replaces 1014 (Bad Gateway) by 1002 as tungstenite does: the code is in IANA's registry, but not on its
/// list.
fn with_their_1014(ours: &Run) -> Run {
    let mut run = ours.clone();
    if let Some(Seen::Close(Some(close @ (1014, _)))) = run.0.last_mut() {
        *close = (1002, "Protocol violation".to_owned());
    }
    run
}
