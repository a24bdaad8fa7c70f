//! What the server compresses, as any client inflates it: for all agreements, levels and ways to compress.

use allocation_counter::measure;
use proptest::prelude::*;

use super::*;

/// How much the client inflates at once: far less than any window, so that a reference beyond its window
/// fails.
const CHUNK_BYTES: usize = 16;

/// The client's side of a connection.
struct Client {
    agreement: Agreement,
    inflater: Decompress,
}

impl Client {
    fn new(agreement: Agreement) -> Self {
        let bits = agreement.server_max_window_bits.unwrap_or(15);
        Client { agreement, inflater: Decompress::new_with_window_bits(false, bits) }
    }

    fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.agreement.server_no_context_takeover {
            *self = Client::new(self.agreement);
        }
        let payload = [payload, &TAIL].concat();
        let (mut rest, mut out) = (&payload[..], vec![]);
        loop {
            let mut chunk = [0; CHUNK_BYTES];
            let before = (self.inflater.total_in(), self.inflater.total_out());
            self.inflater.decompress(rest, &mut chunk, FlushDecompress::Sync).expect("it inflates");
            let read = (self.inflater.total_in() - before.0) as usize;
            let written = (self.inflater.total_out() - before.1) as usize;
            rest = &rest[read..];
            out.extend_from_slice(&chunk[..written]);
            if written < CHUNK_BYTES && (rest.is_empty() || read == 0) {
                assert!(rest.is_empty(), "{} bytes are left", rest.len());
                return out;
            }
        }
    }
}

fn agreements() -> impl Strategy<Value = Agreement> {
    (any::<bool>(), prop::option::of(9u8..=15)).prop_map(|(is_shared, bits)| Agreement {
        server_no_context_takeover: is_shared,
        server_max_window_bits: bits,
        ..Agreement::default()
    })
}

/// A part of a message: new bytes, or bytes that came before.
#[derive(Clone, Debug)]
enum Part {
    New(Vec<u8>),
    /// Distance and length.
    Again(usize, usize),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let few = prop::collection::vec(0u8..4, 0..60).prop_map(Part::New);
    let noise = prop::collection::vec(any::<u8>(), 0..2000).prop_map(Part::New);
    let windows = (8u32..=15, 0usize..4, 1usize..600)
        .prop_map(|(bits, more, len)| Part::Again((1 << bits) + more - 2, len));
    let near = (1usize..300, 1usize..600).prop_map(|(distance, len)| Part::Again(distance, len));
    prop::collection::vec(prop_oneof![few, noise, windows, near], 0..30)
}

/// Appends a message to all that was sent before.
fn append(sent: &mut Vec<u8>, parts: &[Part]) {
    for part in parts {
        match part {
            Part::New(bytes) => sent.extend_from_slice(bytes),
            Part::Again(distance, len) => {
                for _ in 0..if sent.is_empty() { 0 } else { *len } {
                    sent.push(sent[sent.len() - (*distance).clamp(1, sent.len())]);
                }
            }
        }
    }
}

/// How a message is compressed.
#[derive(Clone, Debug)]
enum Way {
    /// In one step, in two parts.
    AtOnce(usize),
    /// In slices.
    Slices(usize),
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![
        (0usize..3000).prop_map(Way::AtOnce),
        prop_oneof![1usize..50, 1000usize..20_000].prop_map(Way::Slices)
    ]
}

fn compress(server: &mut Server, message: &[u8], way: &Way) -> Vec<u8> {
    let Server { deflate, shared } = server;
    match way {
        Way::AtOnce(split) => {
            let (head, tail) = message.split_at((*split).min(message.len()));
            deflate.compress(&[head, tail], shared).to_vec()
        }
        Way::Slices(len) => {
            let (mut window, mut out, mut rest) = (Window::default(), vec![7], message);
            loop {
                let slice;
                (slice, rest) = rest.split_at(rest.len().min(*len));
                deflate.compress_slice(&mut window, slice, rest.is_empty(), &mut out, 1);
                if rest.is_empty() {
                    assert_eq!(out.remove(0), 7);
                    return out;
                }
                if !deflate.is_dedicated() {
                    // A message of another connection is compressed meanwhile.
                    deflate.compress(&[b"another"], shared);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn a_client_inflates_what_the_server_compresses(
        agreement in agreements(),
        level in prop_oneof![3 => Just(1u8), 1 => 2u8..=6],
        messages in prop::collection::vec((parts(), ways(), 0..4usize), 1..8),
    ) {
        let deflate = Deflate::new(agreement, level).unwrap();
        let mut server = Server { deflate, shared: SharedCodecs::default() };
        let (mut client, mut sent) = (Client::new(agreement), vec![]);
        for (parts, way, trims) in messages {
            let begin = sent.len();
            append(&mut sent, &parts);
            let message = &sent[begin..];
            let payload = compress(&mut server, message, &way);
            prop_assert!((1..=bound(message.len())).contains(&payload.len()));
            prop_assert!(client.inflate(&payload) == message, "{} bytes", message.len());
            (0..trims).for_each(|_| server.deflate.trim());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn a_message_by_itself_shows_nothing_of_those_before(
        messages in prop::collection::vec((parts(), ways()), 1..12),
    ) {
        let mut server = Server::new(true);
        let mut sent = vec![];
        for (parts, way) in messages {
            let begin = sent.len();
            append(&mut sent, &parts);
            // No longer message is compressed in one step.
            sent.truncate(begin + 16 * 1024);
            let payload = compress(&mut server, &sent[begin..], &way);
            let alone = compress(&mut Server::new(true), &sent[begin..], &way);
            let equal = payload.iter().zip(&alone).take_while(|(one, other)| one == other).count();
            prop_assert!(payload == alone, "{} {} bytes, equal up to {equal}, {way:?}", payload.len(), alone.len());
        }
    }
}

#[test]
fn short_texts_are_compressed_as_in_the_rfc() {
    // RFC 7692 §7.2.3.1 and §7.2.3.6. The example in §7.2.3.2 does not use the whole match.
    let mut server = Server::new(false);
    for (text, payload) in [
        (&b"Hello"[..], &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..]),
        (b"Hello", &[0x02, 0x13, 0x00, 0x00]),
        (b"", &[0x00]),
    ] {
        assert_eq!(compress(&mut server, text, &Way::AtOnce(5)), payload);
    }
}

/// Messages of a game: the state of some players, in JSON.
fn states(count: u32, players: usize) -> Vec<Vec<u8>> {
    let numbers = noise(count as usize * players * 8, 256);
    let mut numbers = numbers.iter().map(|byte| u32::from(*byte));
    let mut next = |limit: u32| numbers.next().unwrap_or(0) * limit / 256;
    let names = ["Ann", "Bogdan", "Charlotte", "Dora"];
    (0..count)
        .map(|tick| {
            let of = |_| {
                let (name, id) = (names[next(4) as usize], next(250) * 17);
                let (x, y) = (next(2000) * 5, next(2000) * 7);
                format!(
                    r#"{{"id":{id},"name":"{name}","x":{}.{:02},"y":{}.{:02},"hp":{},"ammo":{},"weapon":"bow"}}"#,
                    x / 100, x % 100, y / 100, y % 100, next(100), next(40),
                )
            };
            let players: Vec<String> = (0..players).map(of).collect();
            let players = players.join(",");
            let end = r#""event":{"kind":"hit","by":"Ann","damage":12},"round":"second""#;
            format!(r#"{{"type":"state","tick":{tick},"players":[{players}],{end}}}"#).into_bytes()
        })
        .collect()
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn messages_of_a_game_become_shorter_than_by_zlib_at_its_fastest_level() {
    // Of long messages a window of 8 KiB holds only four.
    for (is_shared, players, most) in [(true, 1, 1.0), (false, 1, 1.0), (true, 24, 1.0), (false, 24, 1.02)] {
        let mut server = Server::new(is_shared);
        let mut zlib = Compress::new(Compression::fast(), false);
        let (mut ours, mut its, mut plain) = (0, 0, 0);
        for message in states(200, players) {
            ours += compress(&mut server, &message, &Way::AtOnce(11)).len();
            let mut out = Vec::with_capacity(8 * 1024);
            if is_shared {
                zlib.reset();
            }
            zlib.compress_vec(&message, &mut out, FlushCompress::Sync).unwrap();
            its += out.len() - TAIL.len();
            plain += message.len();
        }
        println!("shared: {is_shared}, {} bytes: {} and not {}", plain / 200, ours / 200, its / 200);
        assert!(
            ours as f64 <= its as f64 * most,
            "shared: {is_shared}, {players} players: {ours} and not {its}"
        );
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri counts other allocations")]
fn a_connection_takes_less_than_32_000_bytes_and_an_idle_one_only_the_clients_window() {
    let agreement = Agreement { client_max_window_bits: Some(13), ..Agreement::default() };
    let mut server = Server { deflate: dedicated(), shared: SharedCodecs::default() };
    let mut client = Compress::new_with_window_bits(Compression::fast(), false, 13);
    let mut pass = |deflate: &mut Deflate, len| {
        let (message, mut payload) = (noise(len, 90), Vec::with_capacity(1 << 18));
        client.compress_vec(&message, &mut payload, FlushCompress::Sync).unwrap();
        payload.truncate(payload.len() - TAIL.len());
        let mut out = Vec::with_capacity(1 << 18);
        deflate.inflate(&payload, &mut out, MAX_LEN, &mut server.shared).unwrap();
        assert!(out == message);
        deflate.compress(&[&message], &mut server.shared);
    };
    // The buffers that all connections share have reached their size.
    pass(&mut server.deflate, 100_000);
    let mut deflate = None;
    let mut held = 0;
    for len in [1, 200, 2048, 5000, 100_000, 200, 2048, 200, 7000] {
        let counted = measure(|| {
            let deflate = deflate.get_or_insert_with(|| Deflate::new(agreement, 1).map(Box::new).unwrap());
            pass(deflate, len);
        });
        held += counted.bytes_current;
        assert!((1..=32_000).contains(&held), "{held} bytes after a message of {len}");
    }
    println!("{held} bytes");
    let deflate = deflate.as_mut().unwrap();
    let mut trim = || measure(|| deflate.trim()).bytes_current;
    assert_eq!(trim(), 0, "it was used a moment ago");
    held += trim();
    println!("{held} bytes while idle");
    assert!((8192..8192 + 256).contains(&held), "{held} bytes while idle");
    // The client goes on with its window.
    pass(deflate, 300);
}
