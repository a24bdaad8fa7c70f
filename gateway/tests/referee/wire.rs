//! The connection of the reconnecting client: bytes in and out, without a wait above a tick.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use flate2::{Decompress, FlushDecompress};
use sysconn::frame::{Decoder, Event, Opcode, Role, Rules, push_masked_frame};

use super::common::upgrade_of;
use super::driver::TICK;
use super::faults::Fault::{self, *};

const RSV1: u8 = 0x40;
const RULES: Rules = Rules { role: Role::Client, max_len: 1 << 20, text: false, deflate: true };

/// What has come.
pub(crate) enum Incoming {
    Nothing,
    Upgraded,
    Message(Vec<u8>),
    Ping(Vec<u8>),
    /// The end, with its code and reason.
    End(u16, String),
}

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    decoder: Decoder,
    inflater: Decompress,
    pub(crate) is_upgraded: bool,
    fault: Option<Fault>,
}

impl Wire {
    /// Connects, and asks for the upgrade.
    pub(crate) fn open(url: &str, fault: Option<Fault>) -> Self {
        let (host, path) = url.strip_prefix("ws://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TICK)).unwrap();
        let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        stream.write_all(&upgrade_of(&format!("/{path}"), extension)).unwrap();
        let (received, decoder, inflater) = (vec![], Decoder::new(), Decompress::new(false));
        Wire { stream, received, decoder, inflater, is_upgraded: false, fault }
    }

    pub(crate) fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = vec![];
        push_masked_frame(&mut frame, true, opcode, [1, 2, 3, 4], payload);
        if self.fault == Some(MarksPlain) && opcode == Opcode::Binary {
            frame[0] |= RSV1;
        }
        // The server may be gone; the next read says so.
        let _ = self.stream.write_all(&frame);
    }

    /// The next thing that has come, after a tick at most.
    pub(crate) fn next(&mut self) -> Incoming {
        // Each read is short, and what it returns is taken for one frame.
        let frame_is_a_read = self.fault == Some(FrameIsARead);
        if self.received.is_empty() || !self.is_upgraded {
            let mut piece = vec![0; if frame_is_a_read && self.is_upgraded { 16 } else { 65_536 }];
            match self.stream.read(&mut piece) {
                Ok(0) => return Incoming::End(1006, String::new()),
                Ok(read) => self.received.extend_from_slice(&piece[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Incoming::Nothing;
                }
                Err(_) => return Incoming::End(1006, String::new()),
            }
        }
        if !self.is_upgraded {
            return self.upgrade();
        }
        let ignores_rsv1 = self.fault == Some(IgnoresRsv1);
        let before = self.received.len();
        let mut input = self.received.as_mut_slice();
        let incoming = match self.decoder.next(&mut input, &RULES) {
            Ok(None | Some(Event::Pong(_))) => Incoming::Nothing,
            Ok(Some(Event::Message { payload, compressed, .. })) if compressed && !ignores_rsv1 => {
                let mut message = Vec::with_capacity(65_536);
                let input = [&*payload, &[0, 0, 0xff, 0xff]].concat();
                self.inflater.decompress_vec(&input, &mut message, FlushDecompress::Sync).unwrap();
                Incoming::Message(message)
            }
            Ok(Some(Event::Message { payload, .. })) => Incoming::Message(payload.to_vec()),
            Ok(Some(Event::Ping(payload))) => Incoming::Ping(payload.to_vec()),
            Ok(Some(Event::Close(None))) => Incoming::End(1005, String::new()),
            Ok(Some(Event::Close(Some(close)))) => Incoming::End(close.code.get(), close.reason.to_owned()),
            Err(_) => Incoming::End(1006, String::new()),
        };
        let used = before - input.len();
        self.received.drain(..used);
        if frame_is_a_read {
            self.received.clear();
            self.decoder = Decoder::new();
        }
        incoming
    }

    fn upgrade(&mut self) -> Incoming {
        let Some(at) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Incoming::Nothing;
        };
        if !self.received.starts_with(b"HTTP/1.1 101") {
            return Incoming::End(1006, String::new());
        }
        self.received.drain(..at + 4);
        self.is_upgraded = true;
        Incoming::Upgraded
    }
}
