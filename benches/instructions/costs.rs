//! Expensive work that clients can request with few bytes or frames: long output, many receivers, compressing
//! and inflating.

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
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ECHO: u16 = 1101;
const SINK: u16 = 1102;
const BURST: u16 = 1104;
const SAY: u16 = 1105;
/// Data of the last packet. Its reply shows that all packets have been handled.
const END: &[u8] = b"the end";
/// The number of replies, each with 32 bytes of Data.
const REPLIES: usize = 4096;
const DATA_BYTES: usize = 32;
/// How many frames inflating and compressing are charged as: 8 times as many as `whole/reactor` handles.
const FRAMES: usize = 2048;
/// Compressed bytes that are charged as a frame. Their output is charged too, per 512 bytes.
const INFLATED_PER_FRAME: usize = 16;
/// Bytes of a reply that are charged as a frame if the reply is compressed.
const COMPRESSED_PER_FRAME: usize = 128;
/// The timeout of a turn: by then no event is left.
const PATIENCE: Duration = Duration::from_millis(1);

/// The connected clients.
#[derive(Default)]
struct Room(Vec<ConnectionId>);

impl Application for Room {
    type Session = ();

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
    context.effects().broadcast(others, &Push::new(SAY, request.data()));
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

/// A frame with a compressed payload.
fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut frame = frame(payload);
    frame[0] |= 0x40;
    frame
}

/// Text as a game might send it, which compresses to a quarter.
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

/// Text that compresses to about `len` bytes.
fn text_compressed_to(len: usize) -> Vec<u8> {
    let sample = text(64 * 1024);
    text(sample.len() * len / deflated(&sample, true).len())
}

/// Compresses bytes.
fn deflated(bytes: &[u8], zlib: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let flush = if zlib { FlushCompress::Finish } else { FlushCompress::Sync };
    Compress::new(Compression::default(), zlib).compress_vec(bytes, &mut out, flush).expect("it fits");
    if !zlib {
        // RFC 7692 §7.2.1: the end of the empty block is left out.
        out.truncate(out.len() - 4);
    }
    out
}

/// The input of a client, and the configuration of the server.
pub(crate) struct Cost {
    wire: Vec<u8>,
    config: Config,
    /// The number of other clients, and the bytes that each of them receives.
    receivers: usize,
    each: usize,
}

impl Cost {
    fn of(wire: Vec<u8>) -> Self {
        // The speed of the machine must not change the counts.
        let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        let mut config = Config::default();
        config.listen = listen;
        config.reactor.turn_time = None;
        // As the program has them: the counts are those of a server that checks both.
        config.timers.client_check = Some(Duration::from_secs(60));
        config.timers.account_check = Some(Duration::from_secs(300));
        Cost { wire, config, receivers: 0, each: 0 }
    }

    fn deflating(wire: Vec<u8>) -> Self {
        let mut cost = Cost::of(wire);
        cost.config.output.deflate = DeflateMode::Shared;
        cost
    }

    /// Packets that are echoed.
    pub(crate) fn echoes() -> Self {
        Cost::of(frame(&message(ECHO, 0, &bytes(DATA_BYTES))).repeat(REPLIES))
    }

    /// As many replies, with one request for each 256 of them.
    pub(crate) fn bursts() -> Self {
        let data = [&256u16.to_be_bytes()[..], &bytes(DATA_BYTES)].concat();
        Cost::of(frame(&message(BURST, 0, &data)).repeat(REPLIES / 256))
    }

    /// One packet that is sent to `receivers` clients.
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

    /// As many compressed bytes as in [`zlib`](Self::zlib), in blocks without output.
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
        let mut cost = Cost::of(frame(&message(ECHO, 0, &text(FRAMES * COMPRESSED_PER_FRAME))));
        cost.config.output.compress_above = Some(1000);
        cost
    }

    pub(crate) fn deflate_reply() -> Self {
        Cost::deflating(frame(&message(ECHO, 0, &text(FRAMES * COMPRESSED_PER_FRAME))))
    }
}

/// A reactor, a client, and the receivers of what it sends.
pub(crate) struct Costly {
    reactor: Reactor<Room>,
    client: TcpStream,
    receivers: Vec<TcpStream>,
    each: usize,
    wire: Vec<u8>,
    /// The last bytes that the client receives.
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

    /// The client sends all its bytes, and all clients read what they receive.
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

/// The result of a non-blocking call, with 0 bytes instead of `WouldBlock`.
fn at_once(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Connects a client and completes its upgrade.
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
