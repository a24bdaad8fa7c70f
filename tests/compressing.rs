//! Replies that are compressed slice by slice, over real sockets: clients inflate them, and other clients are
//! served between two slices.

#![cfg(all(feature = "deflate", feature = "zlib"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use arena::{ECHO, Hand};
use common::{Client, Frame, Server, config, frame, packet, still_serves, upgrade_of, with};
use flate2::{Decompress, FlushDecompress, Status};
use sysconn::Config;
use sysconn::config::DeflateMode;
use sysconn::frame::Opcode;
use sysconn::packet::Reply;

const WAYS: [(usize, DeflateMode); 5] = [
    (100, DeflateMode::Off),
    (0, DeflateMode::Shared),
    (0, DeflateMode::Dedicated),
    (100, DeflateMode::Shared),
    (100, DeflateMode::Dedicated),
];

/// Replies that are compressed slice by slice at the same time.
const PLACES: usize = 4;

fn compressing((compress_above, deflate): (usize, DeflateMode)) -> Config {
    with(config(), |config| {
        config.output.compress_above = (compress_above != 0).then_some(compress_above);
        config.output.deflate = deflate;
        config.output.deflate_above = 50;
    })
}

fn offer() -> Vec<u8> {
    upgrade_of("/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
}

/// Lines that all differ.
fn text(len: usize) -> Vec<u8> {
    (0..).flat_map(|number: u32| format!("line {number}, ").into_bytes()).take(len).collect()
}

/// Bytes that compression does not make shorter.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// A client that inflates its input.
struct Unpacker {
    client: Client,
    window: Decompress,
    dedicated: bool,
}

impl Unpacker {
    fn new(client: Client, deflate: DeflateMode) -> Self {
        let mut unpacker =
            Unpacker { client, window: Decompress::new(false), dedicated: deflate == DeflateMode::Dedicated };
        unpacker.client.allow_deflate();
        unpacker
    }

    fn connect(server: &Server, deflate: DeflateMode) -> Self {
        let mut client = Client::raw(server.address);
        client.upgrade(&offer());
        Unpacker::new(client, deflate)
    }

    /// Flag, DataStatus and Data of the next packet.
    fn reply(&mut self) -> (u32, u8, Vec<u8>) {
        let message = match self.client.next() {
            Frame::Binary(message) => message,
            Frame::Compressed(payload) => self.inflate(&payload),
            other => panic!("{other:?}"),
        };
        let reply = Reply::parse(&message).unwrap();
        let mut data = reply.data.to_vec();
        if reply.data_status == 1 {
            data = Vec::with_capacity(1 << 20);
            let status =
                Decompress::new(true).decompress_vec(reply.data, &mut data, FlushDecompress::Finish).unwrap();
            assert_eq!(status, Status::StreamEnd);
        }
        (reply.flag, reply.data_status, data)
    }

    fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        if !self.dedicated {
            self.window.reset(false);
        }
        let mut message = Vec::with_capacity(1 << 20);
        let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
        self.window.decompress_vec(&whole, &mut message, FlushDecompress::Sync).unwrap();
        message
    }

    /// Whether unread bytes have come.
    fn has_news(&self) -> bool {
        let stream = &self.client.stream;
        stream.set_nonblocking(true).unwrap();
        let has_news = stream.peek(&mut [0]).is_ok();
        stream.set_nonblocking(false).unwrap();
        has_news
    }
}

#[test]
fn long_and_short_replies_come_in_order_and_inflate() {
    let requests: Vec<Vec<u8>> =
        [0, 1, 100, 101, 5000, 16_384, 16_385, 50_000, 7, 400_000, 8, 9, 20_000, 300]
            .into_iter()
            .flat_map(|len| [text(len), noise(len)])
            .collect();
    for way in WAYS {
        let server = Server::packets(&compressing(way));
        let mut client = Unpacker::connect(&server, way.1);
        let sent: Vec<_> =
            requests.iter().zip(1..).flat_map(|(data, flag)| packet(1101, flag, data)).collect();
        let mut writer = client.client.stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &sent).unwrap());
        for (data, flag) in requests.iter().zip(1..) {
            let (got, status, plain) = client.reply();
            assert!(
                got == flag && plain == *data,
                "{way:?}: reply {got} where {flag} of {} is due",
                data.len()
            );
            let is_shorter = way.0 != 0 && data.len() > way.0 && data.starts_with(b"line");
            assert_eq!(status, u8::from(is_shorter), "{way:?}, reply {flag}");
        }
        writing.join().unwrap();
        // A Close goes out behind replies that are not compressed yet.
        client.client.send(&packet(1101, 77, &text(200_000)));
        client.client.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
        assert!(client.reply() == (77, u8::from(way.0 != 0), text(200_000)), "{way:?}");
        assert_eq!(client.client.next(), Frame::Close(Some(1000)), "{way:?}");
        still_serves(server.address);
    }
}

#[test]
fn other_clients_are_served_between_two_slices() {
    for way in WAYS {
        // How many turns a reply takes must not depend on how fast the machine is.
        let mut hand = Hand::new(&with(compressing(way), |config| config.reactor.turn_time = None));
        let long = text(400_000);
        let mut busy: Vec<_> = (0..PLACES)
            .map(|_| Unpacker::new(hand.upgrade_with(Client::raw(hand.address), &offer()).0, way.1))
            .collect();
        let mut other = Unpacker::new(hand.upgrade_with(Client::raw(hand.address), &offer()).0, way.1);
        // Loopback delivers them in pieces, so the server needs a few turns to receive them.
        for client in &mut busy {
            client.client.send(&packet(ECHO, 1, &long));
        }
        let mut rounds = 0;
        while !busy.iter().any(Unpacker::has_news) {
            other.client.send(&packet(ECHO, 2, &long[..10_000]));
            hand.turn();
            hand.turn();
            // The reactor does not turn while this waits.
            assert!(other.reply() == (2, u8::from(way.0 != 0), long[..10_000].to_vec()), "{way:?}");
            rounds += 1;
        }
        assert!(rounds >= 10, "{way:?}: {rounds} rounds for 25 slices");
        hand.turn_until("all are compressed", |_| busy.iter().all(Unpacker::has_news));
        let running = hand.run();
        for client in &mut busy {
            assert!(client.reply() == (1, u8::from(way.0 != 0), long.clone()), "{way:?}");
        }
        running.end();
    }
}

#[test]
fn packets_before_a_long_reply_do_not_wait_for_it() {
    for way in WAYS {
        let mut hand = Hand::new(&compressing(way));
        let (client, handle) = hand.upgrade_with(Client::raw(hand.address), &offer());
        let mut client = Unpacker::new(client, way.1);
        client.client.send(&[packet(ECHO, 1, b"short"), packet(ECHO, 2, &text(60_000))].concat());
        hand.turn_until("both are handled", |hand| hand.handled(handle.id()) == 2);
        assert!(client.has_news(), "{way:?}");
        assert_eq!(client.reply(), (1, 0, b"short".to_vec()), "{way:?}");
        assert!(!client.has_news(), "{way:?}: the long one takes turns");
        hand.turn_until("it is compressed", |_| client.has_news());
        let running = hand.run();
        assert!(client.reply().2 == text(60_000), "{way:?}");
        running.end();
    }
}

#[test]
fn long_replies_are_compressed_in_the_order_of_their_requests() {
    for way in WAYS {
        let mut hand = Hand::new(&compressing(way));
        let long = text(150_000);
        let mut clients: Vec<_> = (0..3 * PLACES as u32)
            .map(|number| {
                let (client, handle) = hand.upgrade_with(Client::raw(hand.address), &offer());
                let mut client = Unpacker::new(client, way.1);
                client.client.send(&packet(ECHO, number, &long));
                hand.turn_until("it is handled", |hand| hand.handled(handle.id()) == 1);
                client
            })
            .collect();
        // One client that is compressing leaves, and one that is waiting: both free a place.
        let waits = clients.remove(2 * PLACES);
        let compresses = clients.remove(PLACES - 1);
        compresses.client.reset();
        waits.client.reset();
        let mut seen = vec![];
        hand.turn_until("all are compressed", |_| {
            let news: Vec<_> = (0..clients.len()).filter(|at| clients[*at].has_news()).collect();
            seen.extend(news.into_iter().filter(|at| !seen.contains(at)).collect::<Vec<_>>());
            seen.len() == clients.len()
        });
        let running = hand.run();
        for (at, client) in clients.iter_mut().enumerate() {
            let (_, status, data) = client.reply();
            assert!((status, data) == (u8::from(way.0 != 0), long.clone()), "{way:?}, client {at}");
        }
        // The replies that began first are done before the others.
        let first: Vec<_> = seen.iter().take(PLACES - 1).filter(|at| **at < PLACES).collect();
        assert_eq!(first.len(), PLACES - 1, "{way:?}: {seen:?}");
        assert!(seen.last() > Some(&(2 * PLACES - 2)), "{way:?}: {seen:?}");
        running.end();
    }
}
