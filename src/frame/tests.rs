//! Tests of the decoder, and the helpers that they share.

mod fast_paths;
mod foreign;
mod held;
mod traffic;

use super::*;

const SERVER: Rules = Rules { role: Role::Server, max_len: 1 << 20, text: true, deflate: false };
const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A message or control frame that was sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

impl From<Event<'_>> for Thing {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind: MessageKind::Text, payload, .. } => {
                Thing::Text(String::from_utf8(payload.to_vec()).unwrap())
            }
            Event::Message { kind: MessageKind::Binary, payload, .. } => Thing::Binary(payload.to_vec()),
            Event::Ping(payload) => Thing::Ping(payload.to_vec()),
            Event::Pong(payload) => Thing::Pong(payload.to_vec()),
            Event::Close(close) => Thing::Close(close.map(|close| close.code.get())),
        }
    }
}

fn drain(decoder: &mut Decoder, bytes: &[u8], rules: &Rules) -> (Vec<Thing>, Result<(), Error>) {
    let mut bytes = bytes.to_vec();
    let mut input = bytes.as_mut_slice();
    let mut things = Vec::new();
    loop {
        match decoder.next(&mut input, rules) {
            Ok(Some(event)) => things.push(event.into()),
            Ok(None) => {
                assert!(input.is_empty());
                return (things, Ok(()));
            }
            Err(error) => return (things, Err(error)),
        }
    }
}

fn drain_pieces(bytes: &[u8], lengths: &[usize], rules: &Rules) -> (Vec<Thing>, Result<(), Error>) {
    let mut decoder = Decoder::new();
    let mut things = Vec::new();
    let mut rest = bytes;
    for &length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let (more, end) = drain(&mut decoder, piece, rules);
        things.extend(more);
        if end.is_err() || rest.is_empty() {
            return (things, end);
        }
    }
    (things, Ok(()))
}

/// [`drain_pieces`] through [`Decoder::receive_buffer`] where there is one. Returns how many bytes went
/// there, too.
fn drain_receiving(bytes: &[u8], lengths: &[usize], rules: &Rules) -> (Vec<Thing>, Result<(), Error>, usize) {
    let (mut decoder, mut things, mut received) = (Decoder::new(), Vec::new(), 0);
    let mut rest = bytes;
    for &length in lengths.iter().cycle() {
        let (mut piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        while let Some(buffer) = decoder.receive_buffer().filter(|_| !piece.is_empty()) {
            let (direct, behind) = piece.split_at(piece.len().min(buffer.len()));
            buffer[..direct.len()].copy_from_slice(direct);
            decoder.received(direct.len());
            (received, piece) = (received + direct.len(), behind);
            let (more, end) = drain(&mut decoder, &[], rules);
            things.extend(more);
            if end.is_err() {
                return (things, end, received);
            }
        }
        let (more, end) = drain(&mut decoder, piece, rules);
        things.extend(more);
        if end.is_err() || rest.is_empty() {
            return (things, end, received);
        }
    }
    (things, Ok(()), received)
}
