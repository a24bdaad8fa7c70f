//! The decoder's fast paths: whole frames in place, short frames; and its state before the next byte.

use super::*;

#[test]
fn a_whole_frame_is_delivered_in_place() {
    let mut wire = Vec::new();
    push_masked_frame(&mut wire, true, Opcode::Binary, KEY, b"payload");
    push_masked_frame(&mut wire, true, Opcode::Ping, KEY, b"!");
    let expected = wire.as_ptr_range();
    let mut input = wire.as_mut_slice();
    let mut decoder = Decoder::new();
    match decoder.next(&mut input, &SERVER) {
        Ok(Some(Event::Message { payload, .. })) => assert!(expected.contains(&payload.as_ptr())),
        other => panic!("{other:?}"),
    }
    match decoder.next(&mut input, &SERVER) {
        Ok(Some(Event::Ping(payload))) => assert!(expected.contains(&payload.as_ptr())),
        other => panic!("{other:?}"),
    }
    assert_eq!(decoder.next(&mut input, &SERVER), Ok(None));
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn bytes_that_look_like_a_short_message_are_one_only_between_messages() {
    // The length field, read by itself, looks like the header of an empty message.
    let mut long = Vec::new();
    push_masked_frame(&mut long, true, Opcode::Binary, KEY, &[7; 0x8280]);
    let mut decoder = Decoder::new();
    assert_eq!(drain(&mut decoder, &long[..2], &SERVER), (vec![], Ok(())));
    assert_eq!(drain(&mut decoder, &long[2..], &SERVER), (vec![Thing::Binary(vec![7; 0x8280])], Ok(())));
    // So does the payload of this message.
    let mut nested = Vec::new();
    push_masked_frame(&mut nested, true, Opcode::Binary, [0; 4], b"\x82\x80\0\0\0\0");
    assert_eq!(drain(&mut decoder, &nested[..6], &SERVER), (vec![], Ok(())));
    let message = Thing::Binary(b"\x82\x80\0\0\0\0".to_vec());
    assert_eq!(drain(&mut decoder, &nested[6..], &SERVER), (vec![message], Ok(())));
    // Between fragments a new message breaks a rule.
    let mut fragments = Vec::new();
    push_masked_frame(&mut fragments, false, Opcode::Binary, KEY, b"first");
    push_masked_frame(&mut fragments, true, Opcode::Binary, KEY, b"");
    assert_eq!(drain(&mut decoder, &fragments, &SERVER), (vec![], Err(Error::ExpectedContinuation)));
}

#[test]
fn fast_paths_do_not_accept_frames_that_break_a_rule() {
    let mut begun = Vec::new();
    push_masked_frame(&mut begun, false, Opcode::Binary, KEY, b"first");
    let follows = [0; 400];
    for (before, first) in [(&[][..], 0x82), (&[], 0x89), (&[], 0x8a), (&begun, 0x89), (&begun, 0x00)] {
        for second in [0, 5, 125] {
            let wire = [before, &[first, second], &follows].concat();
            let mut decoder = Decoder::new();
            let seen = drain(&mut decoder, &wire, &SERVER);
            assert_eq!(seen, (vec![], Err(Error::UnmaskedFrame)), "{first:02x} {second:02x}");
            assert_eq!(
                decoder.unfinished_bytes(),
                if before.is_empty() { 0 } else { 5 },
                "nothing was taken"
            );
        }
        if first >= 0x88 {
            let wire = [before, &[first, 0xfe, 0, 126], &follows].concat();
            assert_eq!(drain(&mut Decoder::new(), &wire, &SERVER).1, Err(Error::LongControl));
        }
        let before: &[u8] = if before.is_empty() { &[] } else { &[0x02, 0] };
        let masked = [before, &[first, 0x80], &follows].concat();
        assert_eq!(drain(&mut Decoder::new(), &masked, &CLIENT).1, Err(Error::MaskedFrame));
    }
    // The second byte of a header is not mistaken for the start of a frame.
    for second in [0x00, 0x02, 0x09, 0x0a] {
        let wire = [&begun[..], &[0x00], &[second, 0x80, 0, 0, 0, 0], &[0x80, 0, 0, 0, 0]].concat();
        let end = drain_pieces(&wire, &[begun.len() + 1, usize::MAX], &SERVER).1;
        assert_eq!(end, Err(Error::UnmaskedFrame), "{second:02x}");
    }
}

#[test]
fn the_limits_of_fragments_apply_to_short_ones() {
    let wire = |mask: Option<[u8; 4]>, count: usize, last: &[u8]| {
        let frame = |first: u8, payload: &[u8]| {
            let (bit, key) = mask.map_or((0, vec![]), |key| (0x80, key.to_vec()));
            [&[first, bit | payload.len() as u8], &*key, payload].concat()
        };
        let last = last.iter().flat_map(|first| frame(*first, b""));
        [frame(0x02, b""), frame(0, b"").repeat(count), last.collect()].concat()
    };
    for (mask, rules) in [(Some([0; 4]), SERVER), (None, CLIENT)] {
        let rules = Rules { max_len: 100, ..rules };
        let most = rules.max_fragments();
        // The first fragment beyond the limit is refused, even if it is not the last of its message.
        for (count, last, expected) in [
            (most - 1, &[][..], Ok(())),
            (most, &[], Err(Error::TooManyFragments)),
            (most - 2, &[0x80], Ok(())),
            (most - 1, &[0x80], Err(Error::TooManyFragments)),
        ] {
            let end = drain(&mut Decoder::new(), &wire(mask, count, last), &rules).1;
            assert_eq!(end, expected, "{count} of {most}, then {last:?}");
        }
    }
    let rules = Rules { max_len: 100, ..SERVER };
    for (len, expected) in [(50, Ok(())), (51, Err(Error::TooBig))] {
        let mut wire = Vec::new();
        push_masked_frame(&mut wire, false, Opcode::Binary, KEY, &[1; 50]);
        push_masked_frame(&mut wire, false, Opcode::Continuation, KEY, &vec![1; len]);
        assert_eq!(drain(&mut Decoder::new(), &wire, &rules).1, expected);
    }
}

#[test]
fn the_next_byte_is_known_to_be_data_or_control() {
    let mut wire = Vec::new();
    // For each byte: whether it belongs to a data frame, and whether the decoder is idle before it.
    let mut expected = Vec::new();
    let mut push = |fin, opcode, payload: &[u8], is_data, idle_before| {
        let start = wire.len();
        push_masked_frame(&mut wire, fin, opcode, KEY, payload);
        expected.extend((start..wire.len()).map(|at| (is_data, idle_before && at == start)));
    };
    push(true, Opcode::Ping, b"", false, true);
    push(true, Opcode::Binary, &[1; 130], true, true);
    push(false, Opcode::Text, b"a", true, true);
    push(true, Opcode::Pong, b"abc", false, false);
    push(true, Opcode::Continuation, b"b", true, false);
    push(true, Opcode::Close, b"", false, true);
    let mut decoder = Decoder::new();
    for (at, (is_data, idle)) in expected.into_iter().enumerate() {
        assert_eq!(decoder.next_is_data(&wire[at..]), is_data, "byte {at}");
        assert_eq!(decoder.is_idle(), idle, "byte {at}");
        drain(&mut decoder, &wire[at..=at], &SERVER).1.unwrap();
    }
    assert!(!decoder.next_is_data(&[]));
    assert!(decoder.is_idle());
}

#[test]
fn the_limit_can_change_between_frames() {
    let mut decoder = Decoder::new();
    let small = Rules { max_len: 4, ..CLIENT };
    assert_eq!(drain(&mut decoder, &[0x02, 5, 1, 2, 3, 4, 5], &CLIENT), (vec![], Ok(())));
    assert_eq!(drain(&mut decoder, &[0x80, 0], &small), (vec![], Err(Error::TooBig)));
    let mut decoder = Decoder::new();
    assert_eq!(drain(&mut decoder, &[0x82, 4, 1, 2, 3, 4], &small).0, [Thing::Binary(vec![1, 2, 3, 4])]);
    assert_eq!(
        drain(&mut decoder, &[0x82, 5, 1, 2, 3, 4, 5], &CLIENT).0,
        [Thing::Binary(vec![1, 2, 3, 4, 5])]
    );
}
