//! The decoder's promises about memory and state, properties over random traffic, and another
//! implementation as the judge.

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::{Message, Role as Side, WebSocket, WebSocketConfig};

use super::*;

const SERVER: Rules = Rules { role: Role::Server, max_len: 1 << 20, text: true, deflate: false };
const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One thing that was sent or seen.
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
            Event::Message { kind: Kind::Text, payload, .. } => {
                Thing::Text(String::from_utf8(payload.to_vec()).unwrap())
            }
            Event::Message { kind: Kind::Binary, payload, .. } => Thing::Binary(payload.to_vec()),
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

/// As [`drain_pieces`], but what there is room for goes there. Says too how many bytes did.
fn drain_receiving(bytes: &[u8], lengths: &[usize], rules: &Rules) -> (Vec<Thing>, Result<(), Error>, usize) {
    let (mut decoder, mut things, mut received) = (Decoder::new(), Vec::new(), 0);
    let mut rest = bytes;
    for &length in lengths.iter().cycle() {
        let (mut piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        while let Some(room) = decoder.room().filter(|_| !piece.is_empty()) {
            let (direct, behind) = piece.split_at(piece.len().min(room.len()));
            room[..direct.len()].copy_from_slice(direct);
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

#[test]
fn large_payloads_are_received_where_they_stay() {
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
        // The first read may bring all.
        assert!(received > 200_000 || lengths == [1 << 20], "{received} bytes in pieces of {lengths:?}");
    }
    // A character that is no more begins in what was received.
    let at = wire.len() - 300_000 - 14 - 80_000;
    wire[at] ^= 0xff;
    let (things, end, _) = drain_receiving(&wire, &[30_000], &SERVER);
    assert_eq!((things, end), (seen[..1].to_vec(), Err(Error::BadUtf8)));
}

#[test]
fn room_is_made_for_no_more_than_has_come() {
    let mut decoder = Decoder::new();
    let mut came = 0;
    drain(&mut decoder, &server_header(Opcode::Binary, true, 1 << 20), &CLIENT).1.unwrap();
    while came < 1 << 19 {
        match decoder.room() {
            // One byte at a time is the least that a client can send.
            Some(_) => decoder.received(1),
            None => drain(&mut decoder, &[0], &CLIENT).1.unwrap(),
        }
        came += 1;
        assert!(decoder.held_bytes() <= 2 * came + 1024, "{} bytes for {came}", decoder.held_bytes());
    }
}

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
fn what_looks_like_a_short_message_is_one_only_between_messages() {
    // Its length, cut off from what is before it, reads like the header of an empty message.
    let mut long = Vec::new();
    push_masked_frame(&mut long, true, Opcode::Binary, KEY, &[7; 0x8280]);
    let mut decoder = Decoder::new();
    assert_eq!(drain(&mut decoder, &long[..2], &SERVER), (vec![], Ok(())));
    assert_eq!(drain(&mut decoder, &long[2..], &SERVER), (vec![Thing::Binary(vec![7; 0x8280])], Ok(())));
    // So does this within a payload.
    let mut nested = Vec::new();
    push_masked_frame(&mut nested, true, Opcode::Binary, [0; 4], b"\x82\x80\0\0\0\0");
    assert_eq!(drain(&mut decoder, &nested[..6], &SERVER), (vec![], Ok(())));
    let message = Thing::Binary(b"\x82\x80\0\0\0\0".to_vec());
    assert_eq!(drain(&mut decoder, &nested[6..], &SERVER), (vec![message], Ok(())));
    // And between fragments it breaks a rule.
    let mut fragments = Vec::new();
    push_masked_frame(&mut fragments, false, Opcode::Binary, KEY, b"first");
    push_masked_frame(&mut fragments, true, Opcode::Binary, KEY, b"");
    assert_eq!(drain(&mut decoder, &fragments, &SERVER), (vec![], Err(Error::ExpectedContinuation)));
}

#[test]
fn the_quick_ways_take_nothing_that_breaks_a_rule_however_much_follows() {
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
    // The second byte of a header does not begin a frame, even if what follows that frame would go on with the header.
    for second in [0x00, 0x02, 0x09, 0x0a] {
        let wire = [&begun[..], &[0x00], &[second, 0x80, 0, 0, 0, 0], &[0x80, 0, 0, 0, 0]].concat();
        let end = drain_pieces(&wire, &[begun.len() + 1, usize::MAX], &SERVER).1;
        assert_eq!(end, Err(Error::UnmaskedFrame), "{second:02x}");
    }
}

#[test]
fn short_fragments_have_the_limits_of_all_fragments() {
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
        // The one that is too many is refused by itself, and not only by the last one.
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
fn what_is_held_is_counted() {
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
fn what_is_announced_is_not_allocated() {
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
fn a_buffer_grows_seldom_and_no_further_than_the_message() {
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
    // The buffer is there for the next message, and nothing more is allocated.
    let kept = decoder.held_bytes();
    for piece in wire.chunks(999) {
        drain(&mut decoder, piece, &CLIENT).1.unwrap();
        assert_eq!(decoder.held_bytes(), kept);
    }
    decoder.trim();
    assert_eq!(decoder.held_bytes(), 0);
    // Nor does it if it comes in larger pieces.
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
fn a_trim_leaves_an_unfinished_message_what_it_has_and_no_more() {
    let mut wire = Vec::new();
    push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &[1; 100_000]);
    let first = wire.len();
    push_masked_frame(&mut wire, false, Opcode::Binary, KEY, &[2; 100]);
    push_masked_frame(&mut wire, true, Opcode::Continuation, KEY, &[3; 100]);
    let mut decoder = Decoder::new();
    drain(&mut decoder, &wire[..50_000], &SERVER).1.unwrap();
    drain(&mut decoder, &wire[50_000..first + 106], &SERVER).1.unwrap();
    assert!(decoder.held_bytes() > 100_000, "the buffer is used again");
    decoder.trim();
    assert!((100..512).contains(&decoder.held_bytes()), "{}", decoder.held_bytes());
    let message = Thing::Binary([[2; 100], [3; 100]].concat());
    assert_eq!(drain(&mut decoder, &wire[first + 106..], &SERVER), (vec![message], Ok(())));
}

#[test]
fn says_whether_the_next_byte_is_data() {
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

/// Masked frames, and what a server sees of them.
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
    fn any_traffic_in_any_pieces((wire, seen) in traffic(), lengths in piece_lengths()) {
        prop_assert_eq!(drain_pieces(&wire, &lengths, &SERVER), (seen.clone(), Ok(())));
        let long: Vec<_> = lengths.iter().map(|length| length * 40).collect();
        let (things, end, _) = drain_receiving(&wire, &long, &SERVER);
        prop_assert_eq!((things, end), (seen, Ok(())));
    }

    #[test]
    fn damage_is_judged_alike_in_any_pieces(
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
    fn any_bytes_are_judged_alike_in_any_pieces(
        wire in prop::collection::vec(prop_oneof![any::<u8>(), 0..3_u8, 0x80..0x83_u8], 0..200),
        lengths in piece_lengths(),
    ) {
        let whole = drain_pieces(&wire, &[usize::MAX], &CLIENT);
        prop_assert_eq!(drain_pieces(&wire, &lengths, &CLIENT), whole);
    }
}

/// A socket whose peer has already sent all that it will.
struct Pipe {
    incoming: Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.incoming.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn understands_tungstenite_and_is_understood() {
    let things = [
        Thing::Binary(vec![]),
        Thing::Text("κόσμε 😀".into()),
        Thing::Ping(b"ping".to_vec()),
        Thing::Binary((0..126).collect()),
        Thing::Binary(vec![9; 65_535]),
        Thing::Binary(vec![9; 65_536]),
        Thing::Pong(vec![1; 125]),
    ];
    let mut ours = Vec::new();
    for thing in &things {
        match thing {
            Thing::Text(text) => push_frame(&mut ours, Opcode::Text, text.as_bytes()),
            Thing::Binary(bytes) => push_frame(&mut ours, Opcode::Binary, bytes),
            Thing::Ping(payload) => push_frame(&mut ours, Opcode::Ping, payload),
            Thing::Pong(payload) => push_frame(&mut ours, Opcode::Pong, payload),
            Thing::Close(_) => {}
        }
    }
    push_close(&mut ours, CloseCode::new(4007), "replaced");
    let pipe = Pipe { incoming: Cursor::new(ours), outgoing: Vec::new() };
    let mut client = WebSocket::from_raw_socket(pipe, Side::Client, Some(WebSocketConfig::default()));
    for thing in &things {
        let message = match thing.clone() {
            Thing::Text(text) => Message::Text(text.into()),
            Thing::Binary(bytes) => Message::Binary(bytes.into()),
            Thing::Ping(payload) => Message::Ping(payload.into()),
            Thing::Pong(payload) => Message::Pong(payload.into()),
            Thing::Close(_) => Message::Close(None),
        };
        client.send(message.clone()).unwrap();
        let sent = std::mem::take(&mut client.get_mut().outgoing);
        assert!(drain_pieces(&sent, &[1000, 7], &SERVER).0 == [thing.clone()]);
        assert!(client.read().unwrap() == message);
        client.flush().unwrap();
        client.get_mut().outgoing.clear();
    }
    match client.read().unwrap() {
        Message::Close(Some(close)) => {
            assert_eq!((u16::from(close.code), close.reason.as_str()), (4007, "replaced"))
        }
        other => panic!("{other:?}"),
    }
    client.flush().unwrap_or_default();
    let answer = &client.get_ref().outgoing;
    assert_eq!(drain_pieces(answer, &[1], &SERVER), (vec![Thing::Close(Some(4007))], Ok(())));
}
