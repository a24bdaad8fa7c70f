//! Protobuf messages as requests, replies and pushes: what goes out is what the same bytes would be, and a
//! message that does not encode as it should leaves nothing behind.

#![cfg(all(feature = "protobuf", feature = "deflate", feature = "zlib"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::thread::JoinHandle;

use common::{Client, Frame, Reply, config, packet, upgrade_of};
use flate2::{Decompress, FlushDecompress, Status};
use prost::Message as _;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};
use sysconn::config::{DeflateMode, Overflow};
use sysconn::packet::{DataStatus, ErrorId, REPLY_HEADER_BYTES};
use sysconn::{
    Access, Application, Config, Context, Module, Outcome, Push, Reactor, Request, Route, Router,
    ServerHandle, proto,
};

const PUSHED: u16 = 2099;

/// The way in which [`answer`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum Way {
    Reply = 0,
    Push = 1,
    Send = 2,
    Ticket = 3,
    Effect = 4,
}

/// A request: answer with `len` letters, as a message or as its bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct Ask {
    #[prost(uint32, tag = "1")]
    len: u32,
    #[prost(enumeration = "Way", tag = "2")]
    way: i32,
    #[prost(bool, tag = "3")]
    as_bytes: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Letters {
    #[prost(string, tag = "1")]
    letters: String,
}

/// A message that says that it has one byte, and encodes to another number.
#[derive(Clone, Debug, Default)]
struct Liar(usize);

impl prost::Message for Liar {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_bytes(0xa5, self.0);
        assert_ne!(self.0, 3, "as ordered");
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: WireType,
        _: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        1
    }

    fn clear(&mut self) {}
}

struct Game;

impl Application for Game {
    type Session = ();
}

fn letters(len: u32) -> Letters {
    Letters { letters: ('a'..='z').cycle().take(len as usize).collect() }
}

fn answer(_: &mut Game, ask: Ask, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let message = letters(ask.len);
    let (bytes, id) = (message.encode_to_vec(), context.id());
    match (ask.way(), ask.as_bytes) {
        (Way::Reply, true) => drop(context.try_reply(&bytes)),
        (Way::Reply, false) => drop(context.try_reply_message(&message)),
        (Way::Push, true) => drop(context.push(PUSHED, &bytes)),
        (Way::Push, false) => drop(context.push_message(PUSHED, &message)),
        (Way::Send, true) => context.effects().send(id, &Push::new(PUSHED, &bytes)),
        (Way::Send, false) => context.effects().send(id, &Push::message(PUSHED, &message)),
        (Way::Ticket, true) => context.defer(request).reply(bytes),
        (Way::Ticket, false) => context.defer(request).reply_message(&message),
        (Way::Effect, _) => {
            let ticket = context.defer(request);
            let effects = context.effects();
            if ask.as_bytes { effects.reply(ticket, bytes) } else { effects.reply_message(ticket, &message) }
        }
    }
    Outcome::Done
}

fn fallible(_: &mut Game, ask: Ask, _: &mut Context<'_>) -> Result<Letters, ErrorId> {
    if ask.len > 3 { Err(ErrorId::NOT_ALLOWED) } else { Ok(letters(ask.len)) }
}

fn empty(_: &mut Game, _: Ask, _: &mut Context<'_>) -> Result<(), ErrorId> {
    Ok(())
}

fn silent(_: &mut Game, _: Ask, _: &mut Context<'_>) {}

fn lie(_: &mut Game, ask: Ask, context: &mut Context<'_>) -> Outcome {
    let _ = context.reply(b"before");
    let liar = Liar(ask.len as usize);
    match ask.way() {
        Way::Reply => context.reply_message(&liar),
        Way::Push => {
            let _ = context.push_message(PUSHED, &liar);
            Outcome::Done
        }
        _ => {
            let (id, push) = (context.id(), Push::message(PUSHED, &liar));
            context.effects().send(id, &push);
            Outcome::Done
        }
    }
}

static GAME: Module<Game> = Module::new(
    20,
    "game",
    [
        Route::new(2001, "answer", Access::Anyone, proto!(answer, request)),
        Route::new(2002, "fallible", Access::Anyone, proto!(fallible)),
        Route::new(2003, "empty", Access::Anyone, proto!(empty)),
        Route::new(2004, "silent", Access::Anyone, proto!(silent)),
        Route::new(2005, "lie", Access::Anyone, proto!(lie)),
    ],
);
static ROUTES: Router<Game> = Router::new([&GAME]);

struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

fn serve(config: &Config) -> Server {
    let mut reactor = Reactor::bind(config, &ROUTES, Game).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    Server { address, handle, thread: std::thread::spawn(move || reactor.run().unwrap()) }
}

impl Server {
    fn end(self) {
        self.handle.drain();
        self.thread.join().unwrap();
    }

    /// All messages that a new client gets for these requests.
    fn messages(&self, requests: &[Ask]) -> Vec<(bool, Vec<u8>)> {
        let mut client = Client::raw(self.address);
        client.upgrade(&upgrade_of(
            "/",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        ));
        client.allow_deflate();
        for ask in requests {
            client.send(&packet(2001, 7, &ask.encode_to_vec()));
        }
        let mut window = Decompress::new(false);
        let mut messages = vec![];
        // An effect is carried out after the request that caused it, but before one of a later turn. The
        // reply is too short to be compressed.
        for flag in [8, 9] {
            client.send_packet(2003, flag, &[]);
            let last = Frame::Binary(vec![0, 0, 0, 0, 0, 0, 0, 0, flag as u8, 7, 211]);
            let frames = std::iter::from_fn(|| Some(client.next()).filter(|frame| *frame != last));
            messages.extend(frames.filter_map(|frame| plain(frame, &mut window)));
        }
        messages
    }
}

/// A message without its compression, of which the bytes are not always the same; whether it was compressed
/// as a message; and None for the Ping that a server may send after a pause on a busy machine.
fn plain(frame: Frame, window: &mut Decompress) -> Option<(bool, Vec<u8>)> {
    let (compressed, message) = match frame {
        Frame::Ping(_) => return None,
        Frame::Binary(message) => (false, message),
        Frame::Compressed(mut payload) => {
            payload.extend([0, 0, 0xff, 0xff]);
            (true, inflate(window, &payload))
        }
        other => panic!("{other:?}"),
    };
    let (head, data) = message.split_at(REPLY_HEADER_BYTES);
    let is_zlib = head[4] == DataStatus::Compressed as u8;
    let data = if is_zlib { inflate(&mut Decompress::new(true), data) } else { data.to_vec() };
    // Without DataSize, which is that of the compressed Data.
    Some((compressed, [&head[..2], &head[4..], &data].concat()))
}

fn inflate(window: &mut Decompress, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(100_000);
    let status = window.decompress_vec(bytes, &mut plain, FlushDecompress::Sync);
    assert!(matches!(status, Ok(Status::Ok | Status::StreamEnd)), "{status:?}");
    plain
}

#[test]
fn a_message_goes_out_as_its_bytes_would() {
    let with = |limits: (usize, Option<usize>), compress_above, deflate| {
        let mut config = config();
        (config.limits.max_len, config.output.outbox_limit) = limits;
        config.output.overflow = Overflow::Drop;
        (config.output.compress_above, config.output.deflate) = (compress_above, deflate);
        config.output.deflate_above = 50;
        config.reactor.turn_time = None;
        config
    };
    let unlimited = (512 * 1024, None);
    let configs = [
        with((16 * 1024, Some(70_000)), None, DeflateMode::Off),
        with(unlimited, Some(100), DeflateMode::Off),
        with(unlimited, None, DeflateMode::Dedicated),
        with(unlimited, Some(100), DeflateMode::Dedicated),
    ];
    for config in configs {
        let server = serve(&config);
        for way in [Way::Reply, Way::Push, Way::Send, Way::Ticket, Way::Effect] {
            for len in [0, 1, 40, 105, 120, 1000, 20_000, 65_520, 69_980, 80_000] {
                // Several of them may come in one turn or in several, and together pass the limit or not.
                let count = if len > 20_000 { 1 } else { 3 };
                let ask = |as_bytes| vec![Ask { len, way: way as i32, as_bytes }; count];
                let (of_messages, of_bytes) = (server.messages(&ask(false)), server.messages(&ask(true)));
                assert!(of_messages == of_bytes, "{way:?} of {len} bytes, {config:?}");
            }
        }
        server.end();
    }
}

#[test]
fn each_result_has_its_answer() {
    let server = serve(&config());
    let ask = |len| Ask { len, ..Ask::default() }.encode_to_vec();
    let mut client = Client::connect(server.address);
    for (cmd, len, expected) in [
        (2002, 0, Reply::new(2002, 0, &[])),
        (2002, 3, Reply::new(2002, 3, &[10, 3, b'a', b'b', b'c'])),
        (2002, 4, Reply::refusal(2002, 4, ErrorId::NOT_ALLOWED.0)),
        (2003, 5, Reply::new(2003, 5, &[])),
    ] {
        // This one has no reply, so the other's is the next.
        client.send_packet(2004, 1, &ask(1));
        client.send_packet(cmd, len, &ask(len));
        assert_eq!(client.reply(), expected);
    }
    for cmd in 2001..=2005 {
        let mut client = Client::connect(server.address);
        client.send_packet(cmd, 1, &[0xff]);
        client.expect_close(4001, "no such message");
    }
    server.end();
}

#[test]
fn a_message_with_a_wrong_length_is_a_panic_that_leaves_nothing_behind() {
    let server = serve(&config());
    for way in [Way::Reply, Way::Push, Way::Send] {
        for (len, is_sent) in [(0, false), (1, true), (2, false), (3, false)] {
            let mut client = Client::connect(server.address);
            client.send_packet(2005, 1, &Ask { len, way: way as i32, as_bytes: false }.encode_to_vec());
            assert_eq!(client.reply(), Reply::new(2005, 1, b"before"));
            if is_sent {
                assert_eq!(client.reply().data, [0xa5]);
            } else {
                client.expect_close(1011, &format!("{way:?} {len}"));
            }
        }
    }
    server.end();
}
