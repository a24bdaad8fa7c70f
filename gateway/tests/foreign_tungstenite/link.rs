//! A connection of the library, and the ways in which it delivers packets.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Message, WebSocket};

use crate::Fallible;
use crate::packet::{MAX_DATA, brief, reply, request};

/// After it, a silent server has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How packets are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delivery {
    /// Each as one frame.
    Whole,
    /// Each in fragments, an empty one and Pings among them.
    Fragmented,
    /// All in one write: one segment, where it can hold them.
    Together,
    /// Every byte in a segment of its own, those of the upgrade too.
    Dribbled,
}

impl Delivery {
    pub(crate) fn largest(self) -> usize {
        if self == Delivery::Dribbled { 65_536 } else { MAX_DATA }
    }
}

/// A TCP connection below the library that writes in a chosen way.
struct Shaped {
    tcp: TcpStream,
    bytewise: bool,
    held: Option<Vec<u8>>,
}

impl Read for Shaped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(buffer)
    }
}

impl Write for Shaped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
        } else if self.bytewise {
            bytes.chunks(1).try_for_each(|byte| self.tcp.write_all(byte))?;
        } else {
            self.tcp.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection of the library.
pub(crate) struct Link {
    socket: WebSocket<Shaped>,
    delivery: Delivery,
    pings: usize,
}

impl Link {
    pub(crate) fn open(port: u16, delivery: Delivery) -> Fallible<Self> {
        let tcp = TcpStream::connect(("127.0.0.1", port))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(TIMEOUT))?;
        tcp.set_write_timeout(Some(TIMEOUT))?;
        let shaped = Shaped { tcp, bytewise: delivery == Delivery::Dribbled, held: None };
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/"), shaped)?;
        Ok(Link { socket, delivery, pings: 0 })
    }

    pub(crate) fn send(&mut self, packets: &[Vec<u8>]) -> Fallible<()> {
        if self.delivery == Delivery::Together {
            self.socket.get_mut().held = Some(Vec::new());
        }
        for packet in packets {
            if self.delivery == Delivery::Fragmented {
                self.send_fragments(packet)?;
            } else {
                self.socket.send(Message::binary(packet.clone()))?;
            }
        }
        let shaped = self.socket.get_mut();
        if let Some(held) = shaped.held.take() {
            shaped.tcp.write_all(&held)?;
        }
        Ok(())
    }

    pub(crate) fn send_text(&mut self, text: &'static str) -> Fallible<()> {
        Ok(self.socket.send(Message::text(text))?)
    }

    fn send_fragments(&mut self, packet: &[u8]) -> Fallible<()> {
        let half = packet.len() / 2;
        let cuts = [0, packet.len().min(4), half, half, packet.len()];
        for (index, cut) in cuts.windows(2).enumerate() {
            let data = if index == 0 { Data::Binary } else { Data::Continue };
            let last = index == cuts.len() - 2;
            let frame = Frame::message(packet[cut[0]..cut[1]].to_vec(), OpCode::Data(data), last);
            self.socket.send(Message::Frame(frame))?;
            self.socket.send(Message::Ping(Vec::new().into()))?;
            self.pings += 1;
        }
        Ok(())
    }

    /// The next message that is not a control frame, or the code of the server's Close.
    fn next(&mut self) -> Fallible<Result<Vec<u8>, Option<u16>>> {
        loop {
            match self.socket.read()? {
                Message::Binary(bytes) => return Ok(Ok(bytes.to_vec())),
                Message::Close(close) => return Ok(Err(close.map(|close| close.code.into()))),
                Message::Pong(_) => self.pings = self.pings.checked_sub(1).ok_or("one Pong too many")?,
                Message::Ping(_) => {}
                other => return Err(format!("unexpected {other:?}").into()),
            }
        }
    }

    fn expect(&mut self, messages: &[Vec<u8>]) -> Fallible<()> {
        for (index, expected) in messages.iter().enumerate() {
            match self.next()? {
                Ok(got) if got == *expected => {}
                Ok(got) => {
                    return Err(format!("reply {index}: {}, not {}", brief(&got), brief(expected)).into());
                }
                Err(code) => return Err(format!("Close {code:?} instead of reply {index}").into()),
            }
        }
        Ok(())
    }

    /// Expects the server's Close, and the orderly end of the connection after it.
    pub(crate) fn expect_close(&mut self, expected: u16) -> Fallible<()> {
        match self.next()? {
            Err(code) if code == Some(expected) => {}
            Err(code) => return Err(format!("Close {code:?}, not {expected}").into()),
            Ok(got) => return Err(format!("{} instead of Close {expected}", brief(&got)).into()),
        }
        match self.socket.read() {
            Err(tungstenite::Error::ConnectionClosed) => Ok(()),
            other => Err(format!("{other:?} after the Close").into()),
        }
    }

    /// Sends packets and a marker, expects these replies and the marker's, and closes.
    pub(crate) fn exchange(mut self, mut packets: Vec<Vec<u8>>, mut replies: Vec<Vec<u8>>) -> Fallible<()> {
        packets.push(request(1101, b"marker", 9));
        replies.push(reply(1101, b"marker", 9, 0));
        self.send(&packets)?;
        self.expect(&replies)?;
        self.socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))?;
        self.expect_close(1000)?;
        if self.pings == 0 { Ok(()) } else { Err(format!("{} Pongs are missing", self.pings).into()) }
    }

    /// A marker, a packet that closes, and a marker that is not answered any more.
    pub(crate) fn closes(mut self, packet: Vec<u8>, code: u16) -> Fallible<()> {
        // The Close may come before all is sent.
        let _ = self.send(&[request(1101, b"first", 8), packet, request(1101, b"last", 9)]);
        self.expect(&[reply(1101, b"first", 8, 0)])?;
        self.expect_close(code)
    }
}
