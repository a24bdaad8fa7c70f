//! The referee's side of a WebSocket, blocking and with deadlines.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use sysconn::config::MAX_LEN;
use sysconn::frame::{Decoder, Event, MessageKind, Role, Rules};

use super::deadline::Deadline;
use super::deflate::Deflate;

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// What has come from the other side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// With its code, if it has one.
    Close(Option<u16>),
    /// The connection has ended.
    End,
}

/// A connection that was upgraded.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    received: Vec<u8>,
    decoder: Decoder,
    deflate: Option<Deflate>,
}

impl Socket {
    /// `received` came behind the head of the request.
    pub(super) fn new(stream: TcpStream, received: Vec<u8>, deflate: Option<Deflate>) -> Self {
        Socket { stream, received, decoder: Decoder::new(), deflate }
    }

    /// Compresses a message, where the client has agreed to that.
    pub(super) fn compress(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        self.deflate.as_mut().map(|deflate| deflate.compress(message))
    }

    /// A second handle, to write from another thread.
    pub(super) fn writer(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).map_err(|error| format!("the client takes nothing more: {error}"))
    }

    /// Ends the referee's sending side.
    pub(super) fn shut_down(&self) {
        // The client may have gone first.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next frame or message. `None`: nothing has come in time.
    pub(super) fn next(&mut self, deadline: Option<Deadline>) -> Result<Option<Frame>, String> {
        let deflate = self.deflate.is_some();
        let rules = Rules { role: Role::Server, max_len: MAX_LEN, text: true, deflate };
        loop {
            let before = self.received.len();
            let mut input = self.received.as_mut_slice();
            let event = self.decoder.next(&mut input, &rules);
            let event = event.map_err(|error| format!("the client breaks RFC 6455: {error}"))?;
            let frame = event.map(|event| frame(event, self.deflate.as_mut())).transpose()?;
            let used = before.saturating_sub(input.len());
            self.received.drain(..used);
            if frame.is_some() {
                return Ok(frame);
            }
            if used == 0 {
                match self.read(deadline)? {
                    None => return Ok(None),
                    Some(0) => return Ok(Some(Frame::End)),
                    Some(_) => {}
                }
            }
        }
    }

    /// Reads once. `None`: nothing has come in time.
    fn read(&mut self, deadline: Option<Deadline>) -> Result<Option<usize>, String> {
        let left = deadline.map(Deadline::left);
        if left == Some(None) {
            return Ok(None);
        }
        self.stream.set_read_timeout(left.flatten()).map_err(|error| error.to_string())?;
        let mut piece = vec![0; READ_BYTES];
        match self.stream.read(&mut piece) {
            Ok(read) => {
                self.received.extend_from_slice(piece.get(..read).unwrap_or_default());
                Ok(Some(read))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
                io::ErrorKind::Interrupted => self.read(deadline),
                // A reset is an end too.
                _ => Ok(Some(0)),
            },
        }
    }
}

fn frame(event: Event<'_>, deflate: Option<&mut Deflate>) -> Result<Frame, String> {
    Ok(match event {
        Event::Message { kind, compressed, payload, .. } => {
            let message = match deflate {
                Some(deflate) if compressed => deflate.inflate(payload)?,
                _ => payload.to_vec(),
            };
            match kind {
                MessageKind::Text => Frame::Text(String::from_utf8_lossy(&message).into_owned()),
                MessageKind::Binary => Frame::Binary(message),
            }
        }
        Event::Ping(payload) => Frame::Ping(payload.to_vec()),
        Event::Pong(payload) => Frame::Pong(payload.to_vec()),
        Event::Close(close) => Frame::Close(close.map(|close| close.code.get())),
    })
}
