//! The referee's side of a connection of the client under test.

use std::time::Duration;

use sysconn::frame::{CloseCode, Opcode, push_close, push_frame, server_header};
use sysconn::packet::{self, ErrorId, push_packet};

use super::deadline::Deadline;
use super::message::hex;
use super::socket::{Frame, Socket};

/// The most bytes of Data that a verdict shows.
const SHOWN_BYTES: usize = 32;

/// A packet of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) flag: u32,
    pub(super) cmd: u16,
    pub(super) data: Vec<u8>,
}

/// A connection of the client.
#[derive(Debug)]
pub(super) struct Peer {
    socket: Socket,
    patience: Duration,
}

impl Peer {
    pub(super) fn new(socket: Socket, patience: Duration) -> Self {
        Peer { socket, patience }
    }

    /// The next packet, which must be raw, and have a Flag other than 0.
    pub(super) fn request(&mut self) -> Result<Request, String> {
        let message = match self.next()? {
            Frame::Binary(message) => message,
            other => return Err(format!("expected a packet, not {}", brief(&other))),
        };
        let parsed = packet::Request::parse(&message)
            .map_err(|fault| format!("the client's packet is none: {fault:?}: {}", brief_hex(&message)))?;
        let data_size = message.first_chunk().map_or(0, |size| u16::from_be_bytes(*size));
        let expected = u16::try_from(parsed.data.len()).unwrap_or(u16::MAX);
        if data_size != expected {
            return Err(format!("expected DataSize {expected}, not {data_size}"));
        }
        if parsed.data_status != 0 {
            return Err(format!("expected DataStatus 0, not {}", parsed.data_status));
        }
        if parsed.flag == 0 {
            return Err("a request has Flag 0, which is that of pushes".to_owned());
        }
        Ok(Request { flag: parsed.flag, cmd: parsed.cmd, data: parsed.data.to_vec() })
    }

    /// The next packet must be this one. Returns its Flag.
    pub(super) fn request_of(&mut self, cmd: u16, data: &[u8]) -> Result<u32, String> {
        let request = self.request()?;
        if (request.cmd, &*request.data) == (cmd, data) {
            return Ok(request.flag);
        }
        let (got, expected) = (brief_hex(&request.data), brief_hex(data));
        Err(format!("expected command {cmd} with {expected}, not {} with {got}", request.cmd))
    }

    /// No packet may come for so long.
    pub(super) fn no_request(&mut self, wait: Duration) -> Result<(), String> {
        match self.socket.next(Some(Deadline::after(wait)))? {
            None => Ok(()),
            Some(frame) => Err(format!("{} comes too early", brief(&frame))),
        }
    }

    pub(super) fn reply(&mut self, cmd: u16, flag: u32, data: &[u8]) -> Result<(), String> {
        self.send(&[packet(0, 0, flag, cmd, data)])
    }

    pub(super) fn refuse(&mut self, cmd: u16, flag: u32, error: u16) -> Result<(), String> {
        self.send(&[packet(error, 0, flag, cmd, b"")])
    }

    pub(super) fn push(&mut self, cmd: u16, data: &[u8]) -> Result<(), String> {
        self.reply(cmd, 0, data)
    }

    /// Sends bytes as they are, in one write.
    pub(super) fn send(&mut self, parts: &[Vec<u8>]) -> Result<(), String> {
        self.socket.write(&parts.concat())
    }

    /// Sends a message in a frame for each part, with a Ping between them, and compressed if the client has
    /// agreed to that.
    pub(super) fn send_compressed(&mut self, message: &[u8], parts: usize) -> Result<(), String> {
        const RSV1: u8 = 0x40;
        let compressed = self.socket.compress(message);
        let rsv1 = if compressed.is_some() { RSV1 } else { 0 };
        let payload = compressed.unwrap_or_else(|| message.to_vec());
        let size = payload.len().div_ceil(parts.max(1)).max(1);
        let count = payload.len().div_ceil(size);
        for (index, part) in payload.chunks(size).enumerate() {
            let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
            let mut header =
                server_header(opcode, index.saturating_add(1) == count, part.len() as u64).to_vec();
            if let Some(first) = header.first_mut().filter(|_| index == 0) {
                *first |= rsv1;
            }
            if index > 0 {
                self.send(&[frame(Opcode::Ping, b"between")])?;
                self.expect_pong(b"between")?;
            }
            self.send(&[header, part.to_vec()])?;
        }
        Ok(())
    }

    /// Sends bytes as they are, each in a write of its own.
    pub(super) fn send_bytewise(&mut self, bytes: &[u8]) -> Result<(), String> {
        bytes.chunks(1).try_for_each(|byte| self.socket.write(byte))
    }

    /// Closes with this code, or without one; the client must answer with a Close.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) -> Result<(), String> {
        let mut frame = Vec::new();
        push_close(&mut frame, code.and_then(CloseCode::new), reason);
        self.socket.write(&frame)?;
        match self.next()? {
            Frame::Close(answer) if answer.is_none() || answer == code => {
                self.drop_line();
                Ok(())
            }
            other => Err(format!("expected a Close that answers the server's, not {}", brief(&other))),
        }
    }

    /// The client must close with this code. It is answered.
    pub(super) fn expect_close(&mut self, code: u16) -> Result<(), String> {
        match self.next()? {
            Frame::Close(Some(got)) if got == code => {
                let mut frame = Vec::new();
                push_close(&mut frame, CloseCode::new(code), "");
                // The client may have ended its side.
                let _ = self.socket.write(&frame);
                self.drop_line();
                Ok(())
            }
            other => Err(format!("expected a Close with {code}, not {}", brief(&other))),
        }
    }

    /// The next frame must be a Pong with this payload.
    pub(super) fn expect_pong(&mut self, payload: &[u8]) -> Result<(), String> {
        match self.next()? {
            Frame::Pong(got) if got == payload => Ok(()),
            other => Err(format!("expected a Pong of {}, not {}", brief_hex(payload), brief(&other))),
        }
    }

    /// The client must end this connection, with a Close or without one, whatever it sends before.
    pub(super) fn expect_end(&mut self) -> Result<(), String> {
        let deadline = Deadline::after(self.patience);
        loop {
            match self.socket.next(Some(deadline)) {
                Ok(Some(Frame::Close(_) | Frame::End)) => return Ok(()),
                Ok(Some(_)) if deadline.left().is_some() => {}
                Ok(_) | Err(_) => return Err("the client keeps the connection".to_owned()),
            }
        }
    }

    /// Ends the connection without a Close frame.
    pub(super) fn drop_line(&self) {
        self.socket.shut_down();
    }

    fn next(&mut self) -> Result<Frame, String> {
        self.socket
            .next(Some(Deadline::after(self.patience)))?
            .ok_or_else(|| "the client sends nothing".to_owned())
    }
}

/// A packet to the client, in its frame.
pub(super) fn packet(error: u16, data_status: u8, flag: u32, cmd: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_packet(&mut bytes, &packet::Reply { error_id: ErrorId(error), data_status, flag, cmd, data });
    bytes
}

/// A whole frame, or a message of one frame.
pub(super) fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_frame(&mut bytes, opcode, payload);
    bytes
}

/// The beginning of some bytes, in hex.
fn brief_hex(bytes: &[u8]) -> String {
    let shown = hex(bytes.get(..SHOWN_BYTES).unwrap_or(bytes));
    if bytes.len() > SHOWN_BYTES {
        format!("{shown}… ({} bytes)", bytes.len())
    } else {
        format!("\"{shown}\"")
    }
}

fn brief(frame: &Frame) -> String {
    match frame {
        Frame::Text(_) => "a text message".to_owned(),
        Frame::Binary(message) => format!("a packet {}", brief_hex(message)),
        Frame::Ping(_) => "a Ping".to_owned(),
        Frame::Pong(payload) => format!("a Pong of {}", brief_hex(payload)),
        Frame::Close(Some(code)) => format!("a Close with {code}"),
        Frame::Close(None) => "a Close without a code".to_owned(),
        Frame::End => "the end of the connection".to_owned(),
    }
}
