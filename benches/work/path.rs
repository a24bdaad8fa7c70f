//! The whole path of small packets: from a client's bytes to the replies.

use std::io::{Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::frame::{Decoder, Event, Opcode, Rules, push_masked_frame};
use sysconn::packet::{self, ErrorId, Reply, push_packet};
use sysconn::{Access, Application, Config, Context, Module, Outcome, Reactor, Request, Route, Router};

use super::frames::{KEY, SERVER, bytes};
use super::heads::SMALL;
use super::packets;

/// Packets that come in one read.
pub(crate) const PACKETS: usize = 256;
/// Bytes of Data in each.
const DATA_BYTES: usize = 32;
/// A reply on the wire: a short frame header, the packet's header, Data.
const REPLY_BYTES: usize = 2 + packet::REPLY_HEADER_BYTES + DATA_BYTES;
/// All replies to [`wire`].
pub(crate) const ANSWER_BYTES: usize = PACKETS * REPLY_BYTES;

const RULES: Rules = Rules { text: false, ..SERVER };

/// Packets received.
#[derive(Default)]
pub(crate) struct Echo(usize);

impl Application for Echo {
    type Session = ();
}

fn echo(state: &mut Echo, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    state.0 += 1;
    context.reply(request.data())
}

static ECHO: Module<Echo> = Module::new(11, "echo", [Route::new(1101, "echo", Access::Anyone, echo)]);
pub(crate) static ROUTER: Router<Echo> = Router::new([&ECHO]);

/// The client's input.
pub(crate) fn wire() -> Vec<u8> {
    let message = packets::message(&bytes(DATA_BYTES));
    let mut wire = Vec::new();
    for _ in 0..PACKETS {
        push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &message);
    }
    wire
}

/// Only the layers without I/O: frame, packet, route, and the packet and frame of the reply. It unmasks
/// `wire` in place, so give it a fresh copy each time.
pub(crate) fn answer(decoder: &mut Decoder, wire: &mut [u8], out: &mut Vec<u8>) -> usize {
    out.clear();
    let mut input = wire;
    while let Ok(Some(Event::Message { payload, .. })) = decoder.next(&mut input, &RULES) {
        let Ok(request) = packet::Request::parse(payload) else { break };
        if ROUTER.find(request.cmd).is_none() {
            break;
        }
        let packet::Request { data_status, flag, cmd, data } = request;
        push_packet(out, &Reply { error_id: ErrorId::NONE, data_status, flag, cmd, data });
    }
    out.len()
}

/// A reactor and its only client, on one thread.
pub(crate) struct Served {
    reactor: Reactor<Echo>,
    client: TcpStream,
    wire: Vec<u8>,
    /// Packets in that.
    packets: usize,
    /// Bytes that one write takes.
    segment: usize,
    replies: Vec<u8>,
}

impl Served {
    /// A client that sends [`wire`].
    pub(crate) fn new() -> Result<Served> {
        Served::of(wire(), PACKETS, ANSWER_BYTES, usize::MAX)
    }

    /// An upgraded client whose input has that many packets, and perhaps other frames, in segments of that
    /// size, and whose replies have that many bytes.
    pub(crate) fn of(wire: Vec<u8>, packets: usize, answer_bytes: usize, segment: usize) -> Result<Served> {
        // The speed of the machine must not change the counts.
        let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        let mut config = Config::default();
        config.listen = listen;
        config.reactor.turn_time = None;
        // As the program has them: the counts are those of a server that checks both.
        config.timers.client_check = Some(Duration::from_secs(60));
        config.timers.account_check = Some(Duration::from_secs(300));
        let mut reactor = Reactor::bind(&config, &ROUTER, Echo(0)).map_err(std::io::Error::other)?;
        let address = reactor.local_addr().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let mut client = TcpStream::connect(address)?;
        client.set_nodelay(true)?;
        client.write_all(SMALL.as_bytes())?;
        let mut response = Vec::new();
        client.set_nonblocking(true)?;
        while !response.ends_with(b"\r\n\r\n") {
            reactor.turn(Some(Duration::from_secs(1)))?;
            let mut piece = [0; 1024];
            let read = client.read(&mut piece).unwrap_or(0);
            response.extend_from_slice(&piece[..read]);
        }
        client.set_nonblocking(false)?;
        Ok(Served { reactor, client, wire, packets, segment, replies: vec![0; answer_bytes] })
    }

    /// The client sends all packets, the reactor turns until it has answered them, and the client reads.
    pub(crate) fn round(&mut self) -> Result<usize> {
        let wanted = self.reactor.state().0 + self.packets;
        for segment in self.wire.chunks(self.segment) {
            self.client.write_all(segment)?;
            if segment.len() < self.wire.len() {
                self.reactor.turn(Some(Duration::from_secs(1)))?;
            }
        }
        while self.reactor.state().0 < wanted {
            self.reactor.turn(Some(Duration::from_secs(1)))?;
        }
        self.client.read_exact(&mut self.replies)?;
        Ok(self.replies.len())
    }
}
