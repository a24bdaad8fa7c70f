//! What clients can ask for in few bytes or frames: long output, many receivers, compressing and inflating.

#[allow(dead_code, reason = "only a part of it is counted")]
#[path = "../work/empty_blocks.rs"]
mod empty_blocks;

use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use sysconn::config::{DeflateMode, Listen};
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_packet, push_request};
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Module, Outcome, Push, Reactor, Route, Router,
};

use crate::work::frames::{KEY, bytes};
use crate::work::packets::reply;

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ECHO: u16 = 1101;
const SINK: u16 = 1102;
const BURST: u16 = 1104;
const SAY: u16 = 1105;
/// Data of the packet behind all others, whose reply says that they have been handled.
const END: &[u8] = b"the end";
/// Replies that clients ask for, with 32 bytes of Data.
const REPLIES: usize = 4096;
const DATA_BYTES: usize = 32;
/// What inflating and compressing is to be charged as, in frames: 8 times what `whole/reactor` handles.
const FRAMES: usize = 2048;
/// Compressed bytes that a client is charged a frame for. What comes out of them counts too, by the 512
/// bytes.
const INFLATED_PER_FRAME: usize = 16;
/// Bytes of a reply that it is charged a frame for if the reply is to be compressed.
const COMPRESSED_PER_FRAME: usize = 128;
/// What a turn waits for an event at most: by then there is none.
const PATIENCE: Duration = Duration::from_millis(1);

/// Clients that are connected.
#[derive(Default)]
struct Room(Vec<ConnectionId>);

impl Application for Room {
    fn opened(&mut self, context: &mut Context<'_>) {
        self.0.push(context.id());
    }
}

fn echo(_: &mut Room, request: sysconn::Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.reply(request.data())
}

fn sink(_: &mut Room, _: sysconn::Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

fn burst(_: &mut Room, request: sysconn::Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, data)) = request.data().split_first_chunk() else { return Outcome::Undecodable };
    for _ in 0..u16::from_be_bytes(*count) {
        let _ = context.reply(data);
    }
    Outcome::Done
}

fn say(room: &mut Room, request: sysconn::Request<'_>, context: &mut Context<'_>) -> Outcome {
    let by = context.id();
    let others: Vec<_> = room.0.iter().copied().filter(|&id| id != by).collect();
    context.effects().broadcast(others, Push::new(SAY, request.data()));
    Outcome::Done
}

static COSTLY: Module<Room> = Module::new(
    11,
    "costly",
    [
        Route::new(ECHO, "echo", Access::Anyone, echo),
        Route::new(SINK, "sink", Access::Anyone, sink),
        Route::new(BURST, "burst", Access::Anyone, burst),
        Route::new(SAY, "say", Access::Anyone, say),
    ],
);
static ROUTER: Router<Room> = Router::new([&COSTLY]);

fn message(cmd: u16, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push_request(&mut message, &Request { data_status, flag: 42, cmd, data });
    message
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_masked_frame(&mut frame, true, Opcode::Binary, KEY, message);
    frame
}

/// A frame whose payload is compressed already.
fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut frame = frame(payload);
    frame[0] |= 0x40;
    frame
}

/// What a game might send, of which a quarter is left once it is compressed.
fn text(len: usize) -> Vec<u8> {
    let (mut state, mut text) = (1u32, String::new());
    while text.len() < len {
        let [a, b, c] = [7, 2, 5].map(|shift| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16 >> shift
        });
        text += &format!("{{\"player\":{a},\"x\":{b},\"y\":{c},\"state\":\"walking\"}}\n");
    }
    text.truncate(len);
    text.into_bytes()
}

/// As much of it as so many bytes are left of, about.
fn text_compressed_to(len: usize) -> Vec<u8> {
    let sample = text(64 * 1024);
    text(sample.len() * len / deflated(&sample, true).len())
}

/// What a compressor makes of it.
fn deflated(bytes: &[u8], zlib: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let flush = if zlib { FlushCompress::Finish } else { FlushCompress::Sync };
    Compress::new(Compression::default(), zlib).compress_vec(bytes, &mut out, flush).expect("it fits");
    if !zlib {
        // RFC 7692 §7.2.1: without the end of an empty block.
        out.truncate(out.len() - 4);
    }
    out
}

/// What a client sends, and how it is served.
pub(crate) struct Cost {
    wire: Vec<u8>,
    config: Config,
    /// Others, and the bytes that each of them gets.
    receivers: usize,
    each: usize,
}

impl Cost {
    fn of(wire: Vec<u8>) -> Self {
        // How fast the machine is must change nothing that is counted.
        let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        let config = Config { listen, turn_time: Duration::ZERO, ..Config::default() };
        Cost { wire, config, receivers: 0, each: 0 }
    }

    fn deflating(wire: Vec<u8>) -> Self {
        let cost = Cost::of(wire);
        Cost { config: Config { deflate: DeflateMode::Shared, ..cost.config }, ..cost }
    }

    /// Packets that are echoed.
    pub(crate) fn echoes() -> Self {
        Cost::of(frame(&message(ECHO, 0, &bytes(DATA_BYTES))).repeat(REPLIES))
    }

    /// As many replies, to a packet for each 256 of them.
    pub(crate) fn bursts() -> Self {
        let data = [&256u16.to_be_bytes()[..], &bytes(DATA_BYTES)].concat();
        Cost::of(frame(&message(BURST, 0, &data)).repeat(REPLIES / 256))
    }

    /// One packet that goes to so many.
    pub(crate) fn say(len: usize, receivers: usize) -> Self {
        let data = bytes(len);
        let each = Push::new(SAY, &data).frame().len();
        Cost { receivers, each, ..Cost::of(frame(&message(SAY, 0, &data))) }
    }

    pub(crate) fn zlib() -> Self {
        let text = text_compressed_to(FRAMES * INFLATED_PER_FRAME);
        Cost::of(frame(&message(SINK, 1, &deflated(&text, true))))
    }

    pub(crate) fn deflate() -> Self {
        let text = text_compressed_to(FRAMES * INFLATED_PER_FRAME);
        Cost::deflating(compressed(&deflated(&message(SINK, 0, &text), false)))
    }

    /// Blocks that yield nothing, of as many compressed bytes as [`zlib`](Self::zlib) has.
    pub(crate) fn empty_zlib() -> Self {
        let blocks = empty_blocks::zlib(FRAMES * INFLATED_PER_FRAME);
        Cost::of(frame(&message(SINK, 1, &blocks)))
    }

    pub(crate) fn empty_deflate() -> Self {
        let message = message(SINK, 0, b"");
        Cost::deflating(compressed(&empty_blocks::deflate(&message, FRAMES * INFLATED_PER_FRAME)))
    }

    /// A packet whose reply is compressed.
    pub(crate) fn zlib_reply() -> Self {
        let cost = Cost::of(frame(&message(ECHO, 0, &text(FRAMES * COMPRESSED_PER_FRAME))));
        Cost { config: Config { compress_above: 1000, ..cost.config }, ..cost }
    }

    pub(crate) fn deflate_reply() -> Self {
        Cost::deflating(frame(&message(ECHO, 0, &text(FRAMES * COMPRESSED_PER_FRAME))))
    }
}

/// A reactor, a client, and those who hear it.
pub(crate) struct Costly {
    reactor: Reactor<Room>,
    client: TcpStream,
    receivers: Vec<TcpStream>,
    each: usize,
    wire: Vec<u8>,
    /// What the client gets last.
    last: Vec<u8>,
}

impl Costly {
    pub(crate) fn new(cost: Cost) -> Result<Self> {
        let mut reactor =
            Reactor::bind(&cost.config, &ROUTER, Room::default()).map_err(std::io::Error::other)?;
        let receivers = (0..cost.receivers).map(|_| connect(&mut reactor)).collect::<Result<_>>()?;
        let client = connect(&mut reactor)?;
        let mut last = Vec::new();
        push_packet(&mut last, &reply(END));
        let wire = [cost.wire, frame(&message(ECHO, 0, END))].concat();
        Ok(Costly { reactor, client, receivers, each: cost.each, wire, last })
    }

    /// The client sends all it has, and everybody reads what comes of it.
    pub(crate) fn round(&mut self) -> Result<()> {
        let (mut rest, mut read, mut scratch) = (self.wire.as_slice(), Vec::new(), vec![0; 64 * 1024]);
        let mut owed = vec![self.each; self.receivers.len()];
        while !read.ends_with(&self.last) || owed.iter().any(|owed| *owed > 0) {
            rest = &rest[at_once(self.client.write(rest))?..];
            self.reactor.turn(Some(PATIENCE))?;
            for (receiver, owed) in self.receivers.iter_mut().zip(&mut owed).filter(|(_, owed)| **owed > 0) {
                *owed -= at_once(receiver.read(&mut scratch))?;
            }
            let len = at_once(self.client.read(&mut scratch))?;
            read.extend_from_slice(&scratch[..len]);
        }
        Ok(())
    }
}

/// What a call brings that does not wait: 0 bytes where it would have to.
fn at_once(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// A client whose upgrade is done.
fn connect(reactor: &mut Reactor<Room>) -> Result<TcpStream> {
    let address = reactor.local_addr().ok_or(ErrorKind::AddrNotAvailable)?;
    let mut client = TcpStream::connect(address)?;
    client.set_nodelay(true)?;
    client.write_all(UPGRADE)?;
    client.set_nonblocking(true)?;
    let (mut response, mut scratch) = (Vec::new(), [0; 1024]);
    while !response.ends_with(b"\r\n\r\n") {
        reactor.turn(Some(PATIENCE))?;
        let len = at_once(client.read(&mut scratch))?;
        response.extend_from_slice(&scratch[..len]);
    }
    Ok(client)
}
