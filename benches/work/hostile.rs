//! Clients that cost more than they send, for comparison with good ones: by the byte, by the segment, and by
//! the connection.

use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{REPLY_HEADER_BYTES, Request, push_request};
use sysconn::{Config, Reactor};

use super::frames::{KEY, bytes};
use super::heads::SMALL;
use super::packets;
use super::path::{Echo, ROUTER, Served, wire};

/// Segments that a client sends one by one.
const SEGMENTS: usize = 256;
/// Bytes of Data in a good packet.
const DATA_BYTES: usize = 32;

/// A client's input, as many bytes as [`wire`]; it ends with a packet, whose reply shows that all input has
/// been handled.
pub(crate) struct Flood {
    wire: Vec<u8>,
    packets: usize,
    answer_bytes: usize,
    segment: usize,
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push_masked_frame(&mut frame, fin, opcode, KEY, payload);
    frame
}

fn packet(data: &[u8]) -> Vec<u8> {
    frame(true, Opcode::Binary, &packets::message(data))
}

/// The length on the wire of a reply with that much Data.
fn reply_bytes(data: usize) -> usize {
    let payload = REPLY_HEADER_BYTES + data;
    payload + if payload <= 125 { 2 } else { 4 }
}

impl Flood {
    /// `unit` repeated, and then a packet.
    fn of(unit: &[u8], packets: usize, answer_bytes: usize) -> Self {
        let last = packet(b"");
        let count = (wire().len() - last.len()) / unit.len();
        Flood {
            wire: [unit.repeat(count), last].concat(),
            packets: packets * count + 1,
            answer_bytes: answer_bytes * count + reply_bytes(0),
            segment: usize::MAX,
        }
    }

    pub(crate) fn pings(len: usize) -> Self {
        Flood::of(&frame(true, Opcode::Ping, &bytes(len)), 0, 2 + len)
    }

    pub(crate) fn pongs(len: usize) -> Self {
        Flood::of(&frame(true, Opcode::Pong, &bytes(len)), 0, 0)
    }

    /// One packet in fragments of 0 or 1 byte.
    pub(crate) fn fragments(len: usize) -> Self {
        let more = frame(false, Opcode::Continuation, &bytes(len));
        let first = frame(false, Opcode::Binary, &packets::message(b""));
        let last = frame(true, Opcode::Continuation, b"");
        let count = (wire().len() - first.len() - last.len()) / more.len();
        let mut first = first;
        if len > 0 {
            // DataSize 65535: Data reaches to the end.
            let mut message = packets::message(b"");
            message[..2].fill(0xff);
            first = frame(false, Opcode::Binary, &message);
        }
        let wire = [first, more.repeat(count), last].concat();
        Flood { wire, packets: 1, answer_bytes: reply_bytes(len * count), segment: usize::MAX }
    }

    pub(crate) fn minimal_packets() -> Self {
        Flood::of(&packet(b""), 1, reply_bytes(0))
    }

    /// Packets whose length needs the second form.
    pub(crate) fn long_forms() -> Self {
        Flood::of(&packet(&bytes(126 - 9)), 1, reply_bytes(126 - 9))
    }

    /// Good packets, each in a segment of its own.
    pub(crate) fn packets_by_segment() -> Self {
        let one = packet(&bytes(DATA_BYTES));
        let segment = one.len();
        let answer_bytes = SEGMENTS * reply_bytes(DATA_BYTES);
        Flood { wire: one.repeat(SEGMENTS), packets: SEGMENTS, answer_bytes, segment }
    }

    /// A packet in segments of one byte.
    pub(crate) fn packets_by_byte() -> Self {
        // The headers of packet and frame have 17 bytes.
        let data = bytes(SEGMENTS - 17);
        Flood { wire: packet(&data), packets: 1, answer_bytes: reply_bytes(data.len()), segment: 1 }
    }

    /// The same in fragments of one byte.
    pub(crate) fn fragments_by_byte() -> Self {
        let (message, mut wire) = (packets::message(&bytes(SEGMENTS / 7 - 9)), Vec::new());
        for (index, byte) in message.iter().enumerate() {
            let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
            wire.extend(frame(index + 1 == message.len(), opcode, &[*byte]));
        }
        Flood { wire, packets: 1, answer_bytes: reply_bytes(message.len() - 9), segment: 1 }
    }

    /// A reactor with a client that sends this.
    pub(crate) fn served(self) -> Result<Served> {
        Served::of(self.wire, self.packets, self.answer_bytes, self.segment)
    }
}

/// A client's complete input; it leaves once the server has ended.
pub(crate) struct Visit(Vec<u8>);

impl Visit {
    /// An upgrade, ten packets and a Close.
    pub(crate) fn good() -> Self {
        Visit::upgraded(&packet(&bytes(DATA_BYTES)).repeat(10))
    }

    fn upgraded(frames: &[u8]) -> Self {
        Visit([SMALL.as_bytes(), frames, &frame(true, Opcode::Close, &1000u16.to_be_bytes())].concat())
    }

    pub(crate) fn unknown_commands() -> Self {
        let mut message = Vec::new();
        push_request(&mut message, &Request { cmd: 1, ..packets::request(b"") });
        Visit::upgraded(&frame(true, Opcode::Binary, &message).repeat(11))
    }

    pub(crate) fn violation() -> Self {
        Visit::upgraded(b"\x82\0")
    }

    pub(crate) fn short_packet() -> Self {
        Visit::upgraded(&frame(true, Opcode::Binary, b""))
    }

    /// As many bytes as [`wire`], which the server discards after its Close.
    pub(crate) fn packets_behind_a_violation() -> Self {
        Visit::upgraded(&[b"\x82\0", wire().as_slice()].concat())
    }

    /// The same behind the client's own.
    pub(crate) fn packets_behind_a_close() -> Self {
        Visit::upgraded(&[frame(true, Opcode::Close, b""), wire()].concat())
    }

    pub(crate) fn no_request() -> Self {
        Visit(vec![0])
    }

    /// The maximum number of lines, of the minimum length.
    pub(crate) fn short_lines() -> Self {
        let head = SMALL.replacen("Upgrade:", &("a:\r\n".repeat(59) + "Upgrade:"), 1);
        Visit([head.as_bytes(), &frame(true, Opcode::Close, b"")].concat())
    }

    /// Half a request, and the end.
    pub(crate) fn half() -> Self {
        Visit(SMALL.as_bytes()[..SMALL.len() / 2].to_vec())
    }
}

/// A reactor that such clients come to.
pub(crate) struct Visited {
    reactor: Reactor<Echo>,
    address: SocketAddr,
    visit: Visit,
}

impl Visited {
    pub(crate) fn new(visit: Visit) -> Result<Self> {
        // The speed of the machine must not change the counts.
        let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        let mut config = Config::default();
        config.listen = listen;
        config.reactor.turn_time = None;
        // As the program has them: the counts are those of a server that checks both.
        config.timers.client_check = Some(Duration::from_secs(60));
        config.timers.account_check = Some(Duration::from_secs(300));
        let reactor = Reactor::bind(&config, &ROUTER, Echo::default()).map_err(std::io::Error::other)?;
        let address = reactor.local_addr().ok_or(ErrorKind::AddrNotAvailable)?;
        Ok(Visited { reactor, address, visit })
    }

    /// A client connects, sends all its input, ends its side, and leaves once the server has ended.
    pub(crate) fn round(&mut self) -> Result<()> {
        let mut client = TcpStream::connect(self.address)?;
        client.set_nonblocking(true)?;
        client.write_all(&self.visit.0)?;
        client.shutdown(std::net::Shutdown::Write)?;
        let mut scratch = [0; 4096];
        loop {
            self.reactor.turn(Some(Duration::from_secs(1)))?;
            match client.read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
