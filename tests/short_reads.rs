//! A read that does not fill its buffer has drained the socket, and the server tries no second one. It must
//! not miss anything. The test turns the reactor by hand, so that all input has come before the first read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::net::Shutdown;

use arena::{ECHO, Event, Hand};
use common::{Client, Frame, UPGRADE, config, join, packet};
use socket2::SockRef;
use sysconn::Cause;

/// The number of bytes that one read asks for.
const READ_BYTES: usize = 64 * 1024;
/// Bytes in front of Data in a packet of that length: of the frame, and of the packet.
const HEADER_BYTES: usize = 8 + 9;

/// How the client ends its input.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It does not.
    Stays,
    Fin,
    Reset,
}

/// The client's input before the first read: pieces with an urgent byte between each two.
struct Case {
    name: &'static str,
    pieces: Vec<Vec<u8>>,
    packets: u64,
}

fn cases() -> Vec<Case> {
    let echo = || packet(ECHO, 7, b"data");
    let full = |less| packet(ECHO, 7, &vec![1; READ_BYTES - HEADER_BYTES - less]);
    let (half, other_half) = (echo()[..9].to_vec(), echo()[9..].to_vec());
    let case = |name, pieces, packets| Case { name, pieces, packets };
    vec![
        case("nothing", vec![], 0),
        case("a packet", vec![echo()], 1),
        case("one read", vec![full(0)], 1),
        case("one read but for a byte", vec![full(1)], 1),
        case("two reads", vec![join(&[&full(0), &full(0)])], 2),
        case("a read, and a packet behind it", vec![join(&[&full(0), &echo()])], 2),
        case("urgent between two packets", vec![echo(), echo()], 2),
        case("urgent within a packet", vec![half.clone(), other_half.clone()], 1),
        case("urgent before a packet", vec![vec![], echo()], 1),
        case("urgent behind a packet", vec![echo(), vec![]], 1),
        case("urgent behind one read", vec![full(0), echo()], 2),
        case(
            "urgent within a packet, and more behind it",
            vec![half, join(&[&other_half, &full(0), &echo()])],
            3,
        ),
    ]
}

fn send(client: &mut Client, pieces: &[Vec<u8>]) {
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            assert_eq!(SockRef::from(&client.stream).send_out_of_band(b"!").unwrap(), 1);
        }
        client.send(piece);
    }
}

/// Turns until the server has finished its work for a client.
fn see(hand: &mut Hand, mut client: Client, end: End, packets: u64, what: &str) {
    match end {
        End::Stays => {}
        // It may have been shut down before.
        End::Fin => drop(client.stream.shutdown(Shutdown::Write)),
        End::Reset => {
            client.reset();
            let mut cause = None;
            hand.turn_until(what, |hand| {
                cause = hand.events.try_iter().find_map(closed).or(cause);
                cause.is_some()
            });
            assert_eq!(cause, Some(Cause::Reset), "{what}");
            return;
        }
    }
    let mut handled = 0;
    hand.turn_until(what, |hand| {
        let counts = &hand.reactor.state().handled;
        handled = counts.values().sum();
        handled == packets
    });
    if matches!(end, End::Fin) {
        hand.turn_until(what, |hand| hand.events.try_iter().find_map(closed) == Some(Cause::PeerGone));
        assert_eq!(hand.reactor.connections(), 0, "{what}");
    }
    for _ in 0..packets {
        assert_eq!(client.reply().cmd, ECHO, "{what}");
    }
    if matches!(end, End::Fin) {
        assert_eq!(client.next(), Frame::End, "{what}");
    }
}

fn closed(event: Event) -> Option<Cause> {
    match event {
        Event::Closed(_, cause) => Some(cause),
        _ => None,
    }
}

#[test]
fn all_bytes_of_one_event_are_read() {
    for Case { name, pieces, packets } in cases() {
        for end in [End::Stays, End::Fin, End::Reset] {
            let what = format!("{name}, {end:?}");
            let mut hand = Hand::new(&config());
            let (mut client, _) = hand.connect();
            send(&mut client, &pieces);
            see(&mut hand, client, end, packets, &what);
        }
    }
}

#[test]
fn all_bytes_sent_before_the_accept_are_read() {
    for Case { name, pieces, packets } in cases() {
        for end in [End::Stays, End::Fin] {
            let what = format!("{name}, {end:?}, with the upgrade");
            let mut hand = Hand::new(&config());
            let mut client = Client::raw(hand.address);
            client.send(UPGRADE);
            send(&mut client, &pieces);
            if let End::Fin = end {
                client.shutdown_write();
            }
            hand.turn_until(&what, |hand| {
                hand.events.try_iter().any(|event| matches!(event, Event::Opened(_)))
            });
            client.read_upgraded();
            see(&mut hand, client, end, packets, &what);
        }
    }
}

#[test]
fn a_client_that_left_before_the_accept_leaves_nothing() {
    for bytes in [b"".as_slice(), b"GET", UPGRADE] {
        let mut hand = Hand::new(&config());
        for end in [End::Fin, End::Reset] {
            let mut client = Client::raw(hand.address);
            client.send(bytes);
            match end {
                End::Stays | End::Fin => drop(client),
                End::Reset => client.reset(),
            }
        }
        let (mut witness, _) = hand.connect();
        hand.turn_until("both are gone", |hand| hand.reactor.connections() == 1);
        witness.send_packet(ECHO, 7, b"still here");
        hand.turn_until("the echo", |hand| hand.reactor.state().handled.values().sum::<u64>() == 1);
        assert_eq!(witness.reply().data, b"still here");
    }
}
