//! Feeds bytes to a decoder in pieces, and collects its events.

use sysconn::frame::{Decoder, Error, Event, MessageKind, Rules};

/// The key of the examples in RFC 6455 §5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Wires up to this length are cut at every point, longer ones around their frames' ends.
const CUT_EVERYWHERE: usize = 2048;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind: MessageKind::Text, payload, .. } => Seen::Text(payload.to_vec()),
            Event::Message { kind: MessageKind::Binary, payload, .. } => Seen::Binary(payload.to_vec()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(close) => {
                Seen::Close(close.map(|close| (close.code.get(), close.reason.to_owned())))
            }
        }
    }
}

/// The result of a wire that arrives in pieces: events, and the error with the length fed by then.
pub(crate) fn feed(
    wire: &[u8],
    rules: &Rules,
    cuts: &[usize],
) -> (Vec<Seen>, Result<Decoder, (Error, usize)>) {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&wire.len()]) {
        let mut piece = wire[start..end].to_vec();
        let mut input = piece.as_mut_slice();
        loop {
            match decoder.next(&mut input, rules) {
                Ok(Some(event)) => seen.push(Seen::from(event)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(&mut &mut [0x82, 0][..], rules), Err(error), "an error is final");
                    return (seen, Err((error, end)));
                }
            }
        }
        assert!(input.is_empty(), "all of the input is taken");
        start = end;
    }
    (seen, Ok(decoder))
}

/// Ways to cut `wire`: nowhere, everywhere, and at each point, or at those near `ends` if it is long.
pub(crate) fn cuttings(wire: &[u8], ends: &[usize]) -> Vec<Vec<usize>> {
    let near = |cut: usize| ends.iter().any(|end| cut.abs_diff(*end) < 20) || cut.is_multiple_of(4093);
    let points = (0..=wire.len()).filter(|&cut| wire.len() <= CUT_EVERYWHERE || near(cut));
    let mut cuttings: Vec<Vec<usize>> = points.map(|cut| vec![cut]).collect();
    cuttings.extend([vec![], (1..wire.len()).collect(), (1..wire.len()).step_by(3).collect()]);
    if wire.len() <= 40 {
        cuttings.extend(
            (0..wire.len()).flat_map(|first| (first..wire.len()).map(move |second| vec![first, second])),
        );
    }
    cuttings
}
