//! One client on its way through its plan.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use socket2::SockRef;

use crate::plan::{Data, Exchange, Expected, Leave, Plan};
use crate::wire::{BINARY, CLOSE, Field, PING, PONG, fields, frame, parse_frame, parse_packet};

/// The content of a push in the room.
const SAID: u16 = 1210;
const REPLACED: u16 = 4007;
/// The server's answer to the key in every upgrade request.
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
/// Bytes that a slow reader takes at a time.
const SIP_BYTES: usize = 16 * 1024;

/// A client's socket.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub fn source(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn shut(&self) {
        // The server may have ended the connection already.
        let _ = match self {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Has the close be a reset. A Unix socket knows none.
    fn prepare_reset(&self) {
        if let Stream::Tcp(stream) = self {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// The replies that clients received and expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clients that have begun.
    pub begun: u64,
    /// The replies and refusals in their plans.
    pub owed: u64,
    /// Those that have come, each as expected.
    pub came: u64,
    /// Those that were not awaited, since the role was taken over.
    pub void: u64,
    pub pushes: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
}

/// The pushes that a permanent member has received: their number, and their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub texts: u64,
    hash: u64,
}

impl Heard {
    fn hear(&mut self, text: &[u8]) {
        self.texts += 1;
        for &byte in text {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

pub struct Client {
    pub stream: Stream,
    pub plan: Plan,
    pub began: Instant,
    pub heard: Heard,
    sent: usize,
    is_shut: bool,
    input: Vec<u8>,
    /// The upgrade is done: only frames come.
    is_open: bool,
    /// No more comes; true if that was a reset.
    ended: Option<bool>,
}

/// Whether a client has more to do.
#[derive(PartialEq, Eq)]
pub enum Progress {
    Waits,
    Done,
}

impl Client {
    pub fn new(stream: Stream, plan: Plan) -> Self {
        Client {
            stream,
            plan,
            began: Instant::now(),
            heard: Heard::default(),
            sent: 0,
            is_shut: false,
            input: vec![],
            is_open: false,
            ended: None,
        }
    }

    /// Goes on as far as possible. A slow reader reads only if it `may_sip`.
    ///
    /// # Errors
    /// The received bytes differ from the expected ones.
    pub fn go_on(
        &mut self,
        may_sip: bool,
        buffer: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Progress, String> {
        loop {
            self.write(counts);
            let mut read_some = false;
            if !self.plan.is_slow {
                while self.read(buffer, counts) {
                    read_some = true;
                }
            } else if may_sip {
                let sip = buffer.len().min(SIP_BYTES);
                self.read(&mut buffer[..sip], counts);
            }
            if self.take(counts)? {
                return self.leave();
            }
            if self.exchange_is_over() {
                self.plan.exchanges.pop_front();
                (self.sent, self.is_shut) = (0, false);
                if self.plan.exchanges.is_empty() && self.plan.leave != Leave::Stay {
                    return self.leave();
                }
                continue;
            }
            if !read_some {
                return Ok(Progress::Waits);
            }
        }
    }

    fn exchange_is_over(&self) -> bool {
        self.plan.exchanges.front().is_some_and(|exchange| {
            exchange.expected.is_empty()
                && self.sent == exchange.send.len()
                && self.is_shut == exchange.then_shut
        }) || (self.plan.exchanges.is_empty() && self.plan.leave != Leave::Stay)
    }

    fn write(&mut self, counts: &mut Counts) {
        let Some(exchange) = self.plan.exchanges.front() else { return };
        while self.sent < exchange.send.len() {
            match self.stream.write(&exchange.send[self.sent..]) {
                Ok(written) => {
                    self.sent += written;
                    counts.sent_bytes += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The server takes no more. Its output shows whether it should have.
                Err(_) => self.sent = exchange.send.len(),
            }
        }
        if exchange.then_shut && !self.is_shut {
            self.stream.shut();
            self.is_shut = true;
        }
    }

    /// One read. True if it brought something.
    fn read(&mut self, buffer: &mut [u8], counts: &mut Counts) -> bool {
        if self.ended.is_some() {
            return false;
        }
        match self.stream.read(buffer) {
            Ok(0) => self.ended = Some(false),
            Ok(len) => {
                counts.received_bytes += len as u64;
                self.input.extend_from_slice(&buffer[..len]);
                return true;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.ended = Some(true),
        }
        false
    }

    /// Compares the received bytes with the expected ones. True if nothing more is expected.
    fn take(&mut self, counts: &mut Counts) -> Result<bool, String> {
        let mut taken = 0;
        let result = loop {
            let expected = self.plan.exchanges.front_mut().and_then(|exchange| exchange.expected.front_mut());
            let input = &self.input[taken..];
            match expected {
                // Further bytes belong to the next exchange, or are unexpected.
                None if self.plan.leave != Leave::Stay => break Ok(false),
                Some(Expected::AnythingThenEnd) => {
                    taken = self.input.len();
                    if self.ended.is_none() {
                        break Ok(false);
                    }
                }
                Some(Expected::End) if input.is_empty() => match self.ended {
                    None => break Ok(false),
                    Some(false) => {}
                    Some(true) => break Err("a reset, where an end had to come".to_owned()),
                },
                Some(Expected::Head(status)) => {
                    let Some(len) = head_len(input) else { break self.short_of(taken) };
                    let head = String::from_utf8_lossy(&input[..len]);
                    let accepts = *status != 101 || head.contains(ACCEPT);
                    if !head.starts_with(&format!("HTTP/1.1 {status} ")) || !accepts {
                        break Err(format!("{head:?}, where {status} had to come"));
                    }
                    self.is_open = *status == 101;
                    // After any other status a line of text follows.
                    taken = if self.is_open { taken + len } else { self.input.len() };
                }
                expected if self.is_open => {
                    let Some((first, range)) = parse_frame(input) else { break self.short_of(taken) };
                    let payload = &input[range.clone()];
                    taken += range.end;
                    if first == 0x80 | PING {
                        continue;
                    }
                    if let Some(text) = said(first, payload) {
                        counts.pushes += 1;
                        self.heard.hear(text);
                        let own = self.plan.says.front().is_some_and(|own| own.as_bytes() == text);
                        if own {
                            self.plan.says.pop_front();
                        }
                        continue;
                    }
                    if self.plan.may_be_replaced && is_close(first, payload, REPLACED) {
                        counts.void += self.owed();
                        break Ok(true);
                    }
                    let Some(expected) = expected else {
                        break Err(format!("{first:#x} {payload:x?}, where nothing had to come"));
                    };
                    if let Err(wrong) = fits(expected, first, payload) {
                        break Err(wrong);
                    }
                    if let Expected::Close(_) = expected {
                        // The server's end follows at once; after the answer to its own Close it is not
                        // checked.
                        let _ = self.stream.write(&frame(true, CLOSE, &payload[..payload.len().min(2)]));
                    }
                    counts.came += u64::from(matches!(expected, Expected::Packet { .. }));
                }
                _ => break self.short_of(taken),
            }
            if let Some(exchange) = self.plan.exchanges.front_mut() {
                exchange.expected.pop_front();
            }
        };
        self.input.drain(..taken);
        result
    }

    /// More bytes are needed. They do not come if the server has ended the connection.
    fn short_of(&self, taken: usize) -> Result<bool, String> {
        let Some(is_reset) = self.ended else { return Ok(false) };
        let expected = self.plan.exchanges.front().and_then(|exchange| exchange.expected.front());
        let end = if is_reset { "a reset" } else { "the end" };
        Err(format!("{end} after {:x?}, where {expected:?} had to come", &self.input[taken..]))
    }

    /// Replies that are still to come.
    fn owed(&self) -> u64 {
        owed(&self.plan)
    }

    fn leave(&mut self) -> Result<Progress, String> {
        if !self.plan.says.is_empty() && !self.plan.may_be_replaced {
            return Err(format!("it has not heard itself say {:?}", self.plan.says));
        }
        if self.plan.leave == Leave::Reset {
            self.stream.prepare_reset();
        }
        Ok(Progress::Done)
    }

    /// Makes a permanent client do one more thing, or leave.
    pub fn add(&mut self, change: impl FnOnce(&mut Plan), counts: &mut Counts) {
        let before = self.owed();
        self.plan.exchanges.push_back(Exchange::default());
        change(&mut self.plan);
        counts.owed += self.owed() - before;
    }

    /// Whether it has nothing to wait for.
    pub fn is_idle(&self) -> bool {
        self.plan.exchanges.is_empty()
    }
}

/// Replies that a plan names.
pub fn owed(plan: &Plan) -> u64 {
    let expected = plan.exchanges.iter().flat_map(|exchange| &exchange.expected);
    expected.filter(|expected| matches!(expected, Expected::Packet { .. })).count() as u64
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn is_close(first: u8, payload: &[u8], code: u16) -> bool {
    first == 0x80 | CLOSE && payload.starts_with(&code.to_be_bytes())
}

/// The message in the room, if the frame is such a push.
fn said(first: u8, payload: &[u8]) -> Option<&[u8]> {
    if first != 0x80 | BINARY {
        return None;
    }
    let (0, SAID, 0, data) = parse_packet(payload)? else { return None };
    fields(data)?.into_iter().find_map(|field| match field {
        (3, Field::Bytes(text)) => Some(text),
        _ => None,
    })
}

fn fits(expected: &Expected, first: u8, payload: &[u8]) -> Result<(), String> {
    let fits = match expected {
        Expected::Packet { error_id, cmd, flag, data } => {
            first == 0x80 | BINARY
                && parse_packet(payload).is_some_and(|(e, c, f, d)| {
                    let same = match data {
                        Data::Is(data) => data == d,
                        Data::Any => true,
                    };
                    (e, c, f) == (*error_id, *cmd, *flag) && same
                })
        }
        Expected::Pong(data) => first == 0x80 | PONG && payload == data,
        Expected::Close(0) => is_close(first, payload, 1000) || (first == 0x80 | CLOSE && payload.is_empty()),
        Expected::Close(code) => is_close(first, payload, *code),
        Expected::Head(_) | Expected::End | Expected::AnythingThenEnd => false,
    };
    let cut = |bytes: &[u8]| format!("{:x?}", &bytes[..bytes.len().min(64)]);
    if fits {
        Ok(())
    } else {
        let mut expected = format!("{expected:?}");
        expected.truncate(200);
        Err(format!("{first:#x} {}, where {expected} had to come", cut(payload)))
    }
}
