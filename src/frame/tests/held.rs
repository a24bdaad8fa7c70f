//! The decoder's buffers: how they grow, are counted and freed, and are received into.

use super::*;

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn large_payloads_are_received_without_a_copy() {
    let text = "né".repeat(60_000);
    let bytes: Vec<u8> = (0..300_000_u32).map(|index| (index * 31 % 251) as u8).collect();
    let mut wire = Vec::new();
    push_masked_frame(&mut wire, false, Opcode::Text, KEY, &text.as_bytes()[..100_000]);
    push_masked_frame(&mut wire, true, Opcode::Ping, KEY, b"between");
    push_masked_frame(&mut wire, true, Opcode::Continuation, KEY, &text.as_bytes()[100_000..]);
    push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &bytes);
    let seen = vec![Thing::Ping(b"between".to_vec()), Thing::Text(text), Thing::Binary(bytes)];
    for lengths in [vec![1 << 20], vec![16_384], vec![65_536, 1, 20_001], vec![30_000, 3]] {
        let (things, end, received) = drain_receiving(&wire, &lengths, &SERVER);
        assert_eq!((&things, end), (&seen, Ok(())), "{lengths:?}");
        // A single read brings everything at once.
        assert!(received > 200_000 || lengths == [1 << 20], "{received} bytes in pieces of {lengths:?}");
    }
    // Invalid UTF-8 within the bytes that were received directly.
    let at = wire.len() - 300_000 - 14 - 80_000;
    wire[at] ^= 0xff;
    let (things, end, _) = drain_receiving(&wire, &[30_000], &SERVER);
    assert_eq!((things, end), (seen[..1].to_vec(), Err(Error::BadUtf8)));
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn the_receive_buffer_is_no_longer_than_the_bytes_that_arrived() {
    let mut decoder = Decoder::new();
    let mut came = 0;
    drain(&mut decoder, &server_header(Opcode::Binary, true, 1 << 20), &CLIENT).1.unwrap();
    while came < 1 << 19 {
        match decoder.receive_buffer() {
            // Clients can send single bytes.
            Some(_) => decoder.received(1),
            None => drain(&mut decoder, &[0], &CLIENT).1.unwrap(),
        }
        came += 1;
        assert!(decoder.held_bytes() <= 2 * came + 1024, "{} bytes for {came}", decoder.held_bytes());
    }
}

#[test]
fn held_bytes_are_counted() {
    let mut decoder = Decoder::new();
    let mut ping = Vec::new();
    push_masked_frame(&mut ping, true, Opcode::Ping, KEY, &[7; 125]);
    drain(&mut decoder, &ping[..130], &SERVER).1.unwrap();
    let of_control = decoder.held_bytes();
    assert!((124..512).contains(&of_control), "{of_control}");
    assert_eq!((decoder.payload_left(), decoder.unfinished_bytes()), (1, 0));
    drain(&mut decoder, &ping[130..], &SERVER).1.unwrap();
    let mut message = Vec::new();
    push_masked_frame(&mut message, true, Opcode::Binary, KEY, &[7; 2000]);
    drain(&mut decoder, &message[..1008], &SERVER).1.unwrap();
    assert_eq!((decoder.payload_left(), decoder.unfinished_bytes()), (1000, 1000));
    assert!((of_control + 1000..of_control + 2500).contains(&decoder.held_bytes()));
    drain(&mut decoder, &message[1008..], &SERVER).1.unwrap();
    assert_eq!((decoder.payload_left(), decoder.unfinished_bytes()), (0, 0));
    assert_eq!(decoder.last_payload(), [7; 2000]);
    decoder.trim();
    assert_eq!((decoder.held_bytes(), decoder.last_payload()), (0, &[][..]));
}

#[test]
fn announced_lengths_are_not_allocated() {
    let mut decoder = Decoder::new();
    let header = server_header(Opcode::Binary, true, 1 << 20);
    assert_eq!(drain(&mut decoder, &header, &CLIENT), (vec![], Ok(())));
    assert!(decoder.held_bytes() < 1024);
    for arrived in 1..=4096 {
        assert_eq!(drain(&mut decoder, &[0], &CLIENT), (vec![], Ok(())));
        assert!(decoder.held_bytes() <= 2 * arrived + 1024, "{} bytes for {arrived}", decoder.held_bytes());
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn a_buffer_grows_in_few_steps_up_to_the_length_of_the_message() {
    let length = 100_000;
    let mut wire = Vec::new();
    push_frame(&mut wire, Opcode::Binary, &vec![7; length]);
    let mut decoder = Decoder::new();
    let mut sizes = vec![0];
    for byte in &wire {
        drain(&mut decoder, &[*byte], &CLIENT).1.unwrap();
        if sizes.last() != Some(&decoder.held_bytes()) {
            sizes.push(decoder.held_bytes());
        }
    }
    assert!(sizes.len() < 15, "{sizes:?}");
    assert!(decoder.held_bytes() < length + 256, "{sizes:?}");
    // The next message uses the same buffer.
    let kept = decoder.held_bytes();
    for piece in wire.chunks(999) {
        drain(&mut decoder, piece, &CLIENT).1.unwrap();
        assert_eq!(decoder.held_bytes(), kept);
    }
    decoder.trim();
    assert_eq!(decoder.held_bytes(), 0);
    // The bound also holds for larger pieces.
    for piece in wire.chunks(999) {
        drain(&mut decoder, piece, &CLIENT).1.unwrap();
        assert!(decoder.held_bytes() < length + 256, "{}", decoder.held_bytes());
    }
}

#[test]
fn trimming_anywhere_loses_nothing() {
    let mut wire = Vec::new();
    push_masked_frame(&mut wire, true, Opcode::Pong, KEY, b"pong");
    push_masked_frame(&mut wire, false, Opcode::Text, KEY, "né".as_bytes());
    push_masked_frame(&mut wire, true, Opcode::Ping, KEY, b"ping");
    push_masked_frame(&mut wire, true, Opcode::Continuation, KEY, &[b'x'; 200]);
    let mut decoder = Decoder::new();
    let mut things = Vec::new();
    for byte in &wire {
        let (more, end) = drain(&mut decoder, &[*byte], &SERVER);
        end.unwrap();
        things.extend(more);
        decoder.trim();
        assert!(decoder.held_bytes() < 512, "{}", decoder.held_bytes());
    }
    let text = Thing::Text("né".to_owned() + &"x".repeat(200));
    assert_eq!(things, [Thing::Pong(b"pong".to_vec()), Thing::Ping(b"ping".to_vec()), text]);
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_trim_keeps_only_the_bytes_of_an_unfinished_message() {
    let mut wire = Vec::new();
    push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &[1; 100_000]);
    let first = wire.len();
    push_masked_frame(&mut wire, false, Opcode::Binary, KEY, &[2; 100]);
    push_masked_frame(&mut wire, true, Opcode::Continuation, KEY, &[3; 100]);
    let mut decoder = Decoder::new();
    drain(&mut decoder, &wire[..50_000], &SERVER).1.unwrap();
    drain(&mut decoder, &wire[50_000..first + 106], &SERVER).1.unwrap();
    assert!(decoder.held_bytes() > 100_000, "the buffer is reused");
    decoder.trim();
    assert!((100..512).contains(&decoder.held_bytes()), "{}", decoder.held_bytes());
    let message = Thing::Binary([[2; 100], [3; 100]].concat());
    assert_eq!(drain(&mut decoder, &wire[first + 106..], &SERVER), (vec![message], Ok(())));
}
