//! Property tests: any traffic, valid or damaged, in any pieces.

use proptest::prelude::*;

use super::*;

fn thing() -> impl Strategy<Value = Thing> {
    let control = || prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..400).prop_map(Thing::Binary),
        1 => prop::collection::vec(any::<u8>(), 65_000..66_000).prop_map(Thing::Binary),
        3 => "\\PC{0,60}".prop_map(Thing::Text),
        1 => control().prop_map(Thing::Ping),
        1 => control().prop_map(Thing::Pong),
        1 => prop::option::of(prop_oneof![1000..=1003_u16, 3000..5000_u16]).prop_map(Thing::Close),
    ]
}

/// Appends a message in fragments of these lengths, each after the first preceded by a Ping.
fn push_fragments(
    out: &mut Vec<u8>,
    opcode: Opcode,
    key: [u8; 4],
    payload: &[u8],
    lengths: &[usize],
) -> usize {
    let mut opcode = opcode;
    let mut rest = payload;
    for &length in lengths {
        let (fragment, after) = rest.split_at(length.min(rest.len()));
        push_masked_frame(out, false, opcode, key, fragment);
        push_masked_frame(out, true, Opcode::Ping, key, b"between");
        (opcode, rest) = (Opcode::Continuation, after);
    }
    push_masked_frame(out, true, opcode, key, rest);
    lengths.len()
}

/// Masked frames, and the events that a server gets from them.
fn traffic() -> impl Strategy<Value = (Vec<u8>, Vec<Thing>)> {
    let fragments = prop::collection::vec(0..300_usize, 0..4);
    prop::collection::vec((thing(), any::<[u8; 4]>(), fragments), 0..8).prop_map(|sent| {
        let mut wire = Vec::new();
        let mut seen = Vec::new();
        for (thing, key, lengths) in sent {
            let mut control = |opcode, payload: &[u8]| {
                push_masked_frame(&mut wire, true, opcode, key, payload);
                0
            };
            let pings = match &thing {
                Thing::Ping(payload) => control(Opcode::Ping, payload),
                Thing::Pong(payload) => control(Opcode::Pong, payload),
                Thing::Close(code) => {
                    control(Opcode::Close, &code.map_or(vec![], |code| code.to_be_bytes().to_vec()))
                }
                Thing::Text(text) => push_fragments(&mut wire, Opcode::Text, key, text.as_bytes(), &lengths),
                Thing::Binary(bytes) => push_fragments(&mut wire, Opcode::Binary, key, bytes, &lengths),
            };
            seen.extend(std::iter::repeat_n(Thing::Ping(b"between".to_vec()), pings));
            seen.push(thing);
        }
        (wire, seen)
    })
}

fn piece_lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1..20_usize, 1..2000_usize], 1..20)
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn valid_traffic_is_decoded_in_any_pieces((wire, seen) in traffic(), lengths in piece_lengths()) {
        prop_assert_eq!(drain_pieces(&wire, &lengths, &SERVER), (seen.clone(), Ok(())));
        let long: Vec<_> = lengths.iter().map(|length| length * 40).collect();
        let (things, end, _) = drain_receiving(&wire, &long, &SERVER);
        prop_assert_eq!((things, end), (seen, Ok(())));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn the_result_for_damaged_traffic_does_not_depend_on_the_pieces(
        (mut wire, _) in traffic(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        lengths in piece_lengths(),
    ) {
        wire.push(0x82);
        for (at, byte) in damage {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        wire.truncate(end.index(wire.len()));
        let whole = drain_pieces(&wire, &[usize::MAX], &SERVER);
        prop_assert_eq!(drain_pieces(&wire, &lengths, &SERVER), whole);
    }

    #[test]
    fn the_result_for_any_bytes_does_not_depend_on_the_pieces(
        wire in prop::collection::vec(prop_oneof![any::<u8>(), 0..3_u8, 0x80..0x83_u8], 0..200),
        lengths in piece_lengths(),
    ) {
        let whole = drain_pieces(&wire, &[usize::MAX], &CLIENT);
        prop_assert_eq!(drain_pieces(&wire, &lengths, &CLIENT), whole);
    }
}
