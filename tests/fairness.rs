//! A client that floods the server costs the others one turn, and gets no more than its share of each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::io::Read as _;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use arena::{ECHO, Hand, PUSHED, SINK, write_until_full};
use common::{Client, Frame, Reply, UPGRADE, eventually, frame, packet, with};
use sysconn::frame::Opcode;
use sysconn::{Application, Config, Context, Handle, Message, Outcome, Push, Reactor, Service};

/// Packets of one client that one turn handles at most.
const TURN_PACKETS: u64 = 512;
/// Bytes of one client that one turn reads at most: its budget, and the read that uses it up.
const TURN_BYTES: u64 = 256 * 1024 + 256 * 1024;

/// Turns that count bytes and frames only, so that the speed of the machine does not matter.
fn config() -> Config {
    with(common::config(), |config| config.reactor.turn_time = None)
}

/// A client that has sent `unit` again and again, as often as the system takes it.
fn flood(hand: &mut Hand, unit: &[u8]) -> (Client, Handle, u64) {
    let (mut client, handle) = hand.connect();
    let bytes = unit.repeat((8 << 20) / unit.len());
    let written = write_until_full(&mut client, &bytes);
    (client, handle, (written / unit.len()) as u64)
}

#[test]
fn a_flood_of_small_packets_delays_nobody_by_more_than_a_turn() {
    let mut hand = Hand::new(&config());
    let (_flooder, flooder_handle, sent) = flood(&mut hand, &packet(SINK, 1, b""));
    assert!(sent > 10 * TURN_PACKETS, "{sent}");
    let (mut other, _) = hand.connect();
    let mut handled = hand.handled(flooder_handle.id());
    let mut turns = 0;
    while handled < sent {
        other.send_packet(ECHO, 7, &[turns]);
        for _ in 0..2 {
            hand.turn();
            let now = hand.handled(flooder_handle.id());
            assert!(now - handled <= TURN_PACKETS, "{} packets in one turn", now - handled);
            handled = now;
        }
        // Two turns must have answered it, since the reactor does not turn while this waits.
        assert_eq!(other.reply(), Reply::new(ECHO, 7, &[turns]));
        if turns < 3 {
            assert!(handled < sent, "the flood was over too soon to show anything");
        }
        turns += 1;
    }
    // Nothing of the flood got lost.
    assert_eq!(handled, sent);
}

#[test]
fn a_flood_of_large_packets_is_bounded_in_bytes() {
    let mut hand = Hand::new(&with(config(), |config| config.output.outbox_limit = None));
    let unit = packet(SINK, 1, &[0; 10_000]);
    let (_flooder, flooder_handle, sent) = flood(&mut hand, &unit);
    let (mut other, _) = hand.connect();
    let mut handled = hand.handled(flooder_handle.id());
    assert!(handled < sent);
    other.send_packet(ECHO, 7, b"");
    for _ in 0..2 {
        hand.turn();
        let now = hand.handled(flooder_handle.id());
        assert!((now - handled) * unit.len() as u64 <= TURN_BYTES + unit.len() as u64, "{}", now - handled);
        handled = now;
    }
    assert_eq!(other.reply(), Reply::new(ECHO, 7, b""));
    assert!(handled < sent, "the flood was over too soon to show anything");
    hand.turn_until("the flood is handled", |hand| hand.handled(flooder_handle.id()) == sent);
}

/// A message as the client compresses it (RFC 7692 §7.2.1).
#[cfg(all(feature = "deflate", feature = "zlib"))]
fn compressed_payload(message: &[u8]) -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};

    let mut packed = Vec::with_capacity(message.len() + 64);
    Compress::new(Compression::best(), false)
        .compress_vec(message, &mut packed, FlushCompress::Sync)
        .unwrap();
    packed.truncate(packed.len() - 4);
    packed
}

/// The same in its frame.
#[cfg(all(feature = "deflate", feature = "zlib"))]
fn compressed(message: &[u8]) -> Vec<u8> {
    let mut bytes = frame(Opcode::Binary, &compressed_payload(message));
    bytes[0] |= 0x40;
    bytes
}

#[cfg(all(feature = "deflate", feature = "zlib"))]
#[test]
fn inflated_bytes_count_against_the_share_of_a_client() {
    use std::io::Write as _;

    use common::{message, upgrade_of};
    use sysconn::config::{DeflateMode, MAX_LEN};

    let mut zlib = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
    zlib.write_all(&[0; MAX_LEN]).unwrap();
    let in_a_packet = frame(Opcode::Binary, &message(SINK, 1, 1, &zlib.finish().unwrap()));
    let in_a_message = compressed(&message(SINK, 1, 0, &[0; MAX_LEN - 9]));
    for (name, unit) in [("zlib", in_a_packet), ("permessage-deflate", in_a_message)] {
        let mut hand = Hand::new(&with(config(), |config| config.output.deflate = DeflateMode::Shared));
        let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let (mut flooder, handle) = hand.upgrade_with(Client::raw(hand.address), &upgrade_of("/", offer));
        assert!(unit.len() < 1024, "{}", unit.len());
        let (mut other, _) = hand.connect();
        flooder.send(&unit.repeat(100));
        let mut handled = 0;
        while handled < 100 {
            other.send_packet(ECHO, 7, name.as_bytes());
            for _ in 0..2 {
                hand.turn();
                let now = hand.handled(handle.id());
                // One turn for its event, and one because it had work left.
                assert!(now - handled <= 2, "{name}: {} of 512 KiB in one turn", now - handled);
                handled = now;
            }
            assert_eq!(other.reply(), Reply::new(ECHO, 7, name.as_bytes()));
        }
    }
}

/// Deflate blocks that only describe codes: the most work for an inflater without output.
#[cfg(all(feature = "deflate", feature = "zlib"))]
fn blocks_of_nothing(len: usize) -> Vec<u8> {
    let block = concat!(
        "00100000000000111000000110110001001001001001001000001000001000110000110011111111101110000110101000",
        "100110101011110011011110111111110010000"
    );
    let bits = block.as_bytes();
    let byte =
        |at: usize| (0..8).fold(0, |byte, bit| byte | ((bits[(at * 8 + bit) % bits.len()] - b'0') << bit));
    // A whole number of blocks, since the length of one in bits is odd.
    (0..len / bits.len() * bits.len()).map(byte).collect()
}

#[cfg(all(feature = "deflate", feature = "zlib"))]
#[test]
fn others_are_served_between_the_slices_of_messages_that_take_long_to_inflate() {
    use common::{message, upgrade_of};
    use sysconn::config::DeflateMode;

    let blocks = blocks_of_nothing(200_000);
    let zlib = [&[0x78, 0x01], &blocks[..], &[0x03, 0x00, 0, 0, 0, 1]].concat();
    let in_a_packet = frame(Opcode::Binary, &message(ECHO, 1, 1, &zlib));
    let mut in_a_message =
        frame(Opcode::Binary, &[&blocks, &compressed_payload(&message(ECHO, 1, 0, b""))[..]].concat());
    in_a_message[0] |= 0x40;
    for (name, unit) in [("zlib", in_a_packet), ("permessage-deflate", in_a_message)] {
        let mut hand = Hand::new(&with(config(), |config| config.output.deflate = DeflateMode::Dedicated));
        let offer = upgrade_of("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        // More than there are inflaters.
        let mut senders: Vec<_> =
            (0..6).map(|_| hand.upgrade_with(Client::raw(hand.address), &offer)).collect();
        let (mut other, _) = hand.connect();
        let (mut short, short_handle) = hand.upgrade_with(Client::raw(hand.address), &offer);
        for (sender, _) in &mut senders {
            assert_eq!(write_until_full(sender, &unit), unit.len());
        }
        let handled =
            |hand: &Hand| senders.iter().map(|(_, handle)| hand.handled(handle.id())).collect::<Vec<_>>();
        let mut rounds = 0u8;
        while handled(&hand).contains(&0) {
            other.send_packet(ECHO, 7, &[rounds]);
            short.send(&compressed(&message(SINK, 1, 0, b"short")));
            hand.turn();
            hand.turn();
            assert_eq!(other.reply(), Reply::new(ECHO, 7, &[rounds]), "{name}");
            rounds += 1;
            assert!(rounds < 200, "{name}: somebody waits for ever");
            assert!(hand.handled(short_handle.id()) > 0, "{name}: what is short waits for what is long");
        }
        assert!(rounds > 20, "{name}: {rounds}");
        for (sender, _) in &mut senders {
            assert_eq!(sender.reply(), Reply::new(ECHO, 1, b""), "{name}");
        }
    }
}

#[test]
fn floods_of_control_frames_delay_nobody_by_more_than_a_turn() {
    // They use up the budget of bytes, not that of packets.
    let mut hand = Hand::new(&config());
    for unit in [frame(Opcode::Pong, b""), frame(Opcode::Ping, b"")] {
        let (flooder, handle, sent) = flood(&mut hand, &unit);
        assert!(sent > 100_000, "{sent}");
        let (mut other, _) = hand.connect();
        for turn in 0..5 {
            other.send_packet(ECHO, 7, &[turn]);
            hand.turn();
            hand.turn();
            assert_eq!(other.reply(), Reply::new(ECHO, 7, &[turn]));
        }
        assert!(handle.is_open());
        drop(flooder);
    }
}

/// An application that blocks on request, by waiting for an event that never comes.
struct Blocks(Receiver<()>);

const MAY_BE_SILENT: Duration = Duration::from_secs(2);
const BLOCKS_FOR: Duration = Duration::from_millis(2500);

impl Application for Blocks {
    type Session = ();
}

fn block_or_echo(state: &mut Blocks, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    if message.payload == b"block" {
        state.0.recv_timeout(BLOCKS_FOR).unwrap_err();
    }
    context.send_message(message.kind, message.payload).unwrap();
    Outcome::Done
}

#[test]
fn stalls_do_not_count_as_silence() {
    let (_sender, receiver) = channel();
    let config = with(config(), |config| {
        config.timers.read = Some(MAY_BE_SILENT);
        config.timers.ping_interval = None;
    });
    let mut reactor = Reactor::bind(&config, Service::Messages(block_or_echo), Blocks(receiver)).unwrap();
    let address = reactor.local_addr().unwrap();
    let mut clients = [(); 3].map(|()| Client::raw(address));
    for client in &mut clients {
        client.send(UPGRADE);
    }
    eventually("they are let in", || {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        reactor.connections() == 3
    });
    for _ in 0..50 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let [mut blocking, mut other, mut silent] = clients;
    for client in [&mut blocking, &mut other, &mut silent] {
        client.read_upgraded();
    }
    // One turn reads all of them, with the time of its beginning.
    blocking.send(&frame(Opcode::Binary, b"block"));
    other.send(&frame(Opcode::Binary, b"heard"));
    reactor.turn(None).unwrap();
    // This turn finds all of them silent for a long time.
    reactor.turn(None).unwrap();
    other.send(&frame(Opcode::Binary, b"and again"));
    blocking.send(&frame(Opcode::Binary, b"and again"));
    let handle = reactor.handle();
    let running = std::thread::spawn(move || reactor.run());
    assert_eq!(blocking.next(), Frame::Binary(b"block".into()));
    assert_eq!(other.next(), Frame::Binary(b"heard".into()));
    assert_eq!(other.next(), Frame::Binary(b"and again".into()));
    assert_eq!(blocking.next(), Frame::Binary(b"and again".into()));
    assert_eq!(silent.next(), Frame::Ping(vec![]), "it is asked before it is judged");
    silent.expect_close(4009, "silent");
    drop((blocking, other, silent));
    handle.drain();
    running.join().unwrap().unwrap();
}

/// A client of TLS for a server with a certificate of its own, and that server's side of it.
#[cfg(feature = "tls")]
fn tls() -> (rustls::ClientConnection, sysconn::Tls) {
    use std::sync::Arc;

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = own.signing_key.serialize_pem();
    let server = sysconn::Tls::from_pem(own.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    (rustls::ClientConnection::new(Arc::new(config), name).unwrap(), server)
}

#[cfg(feature = "tls")]
#[test]
fn a_flood_of_small_records_of_tls_is_bounded_by_their_number() {
    use std::io::{ErrorKind, Write as _};

    /// A connection's share, the excess of one read, and one read of the system's.
    const TURN_RECORDS: u64 = 512 + 128 + 4096 / 23;

    let (mut tls, server) = tls();
    let mut hand = Hand::new(&with(config(), |config| config.tls = Some(server)));
    let mut client = Client::raw(hand.address);
    client.stream.set_nonblocking(true).unwrap();
    tls.writer().write_all(common::UPGRADE).unwrap();
    let mut answer = vec![];
    hand.turn_until("the upgrade over TLS", |_| {
        while tls.wants_write() {
            tls.write_tls(&mut client.stream).unwrap();
        }
        match tls.read_tls(&mut client.stream) {
            Ok(_) => drop(tls.process_new_packets().unwrap()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let _ = std::io::Read::read_to_end(&mut tls.reader(), &mut answer);
        answer.ends_with(b"\r\n\r\n")
    });
    let unit = packet(SINK, 1, &[0; 20]);
    let mut bytes = vec![];
    for byte in unit.repeat(1000) {
        tls.writer().write_all(&[byte]).unwrap();
        tls.write_tls(&mut bytes).unwrap();
    }
    let sent = (write_until_full(&mut client, &bytes) / 23 / unit.len()) as u64;
    let most = TURN_RECORDS / unit.len() as u64 + 1;
    assert!(sent > 4 * most, "{sent} packets are too few to show anything");
    let handled = |hand: &Hand| hand.reactor.state().handled.values().sum::<u64>();
    let mut before = 0;
    hand.turn_until("all that was sent is handled", |hand| {
        let now = handled(hand);
        assert!(now - before <= most, "{} packets in one turn", now - before);
        before = now;
        now >= sent
    });
}

#[test]
fn clients_with_waiting_output_are_served_after_quiet_ones() {
    const SLOW: usize = 8;
    // Each step does its minimum in each turn.
    let config = with(common::config(), |config| {
        config.reactor.turn_time = Some(Duration::from_micros(100));
        config.output.outbox_limit = None;
    });
    let mut hand = Hand::new(&config);
    let mut slow: Vec<_> = (0..SLOW).map(|_| hand.connect()).collect();
    let (mut quiet, _) = hand.connect();
    for number in 0..3 {
        for (_, handle) in &slow {
            (0..12).for_each(|_| handle.send(&Push::new(PUSHED, &[7; 500_000])).unwrap());
        }
        // Their sockets are full first; then all of them have space for more.
        for _ in 0..40 * SLOW {
            hand.turn();
        }
        for (client, _) in &mut slow {
            client.stream.set_nonblocking(true).unwrap();
            while client.stream.read(&mut vec![0; 1 << 20]).is_ok_and(|len| len > 0) {}
        }
        quiet.send_packet(ECHO, 7, &[number]);
        hand.turn();
        // That must have answered it, since the reactor does not turn while this waits.
        assert_eq!(quiet.reply(), Reply::new(ECHO, 7, &[number]));
    }
}
