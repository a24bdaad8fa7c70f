//! The WebSocket of a client: binary messages out and in. Pings and the server's Close are answered.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::deadline::{Deadline, TIMEOUT};
use super::error::{ClientError, Ended};
use super::handshake::read_more;
use super::random::random;
use crate::config::MAX_LEN;
use crate::frame::{CloseCode, Decoder, Event, MessageKind, Opcode, Role, Rules, push_masked_frame};

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;
const RULES: Rules = Rules { role: Role::Client, max_len: MAX_LEN, text: false, deflate: false };

/// A connection that was upgraded.
#[derive(Debug)]
pub(super) struct Link<S> {
    pub(super) stream: S,
    received: Vec<u8>,
    /// How much of it was decoded. It goes with the next read, and not with each of many small frames.
    taken: usize,
    decoder: Decoder,
    /// The longest wait for a message in all; `None`: as the stream's reads have it.
    pub(super) longest_wait: Option<Duration>,
    /// How the connection ended, once it has.
    ended: Option<Ended>,
}

/// What one step of the decoder found.
enum Found {
    Nothing,
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Close(Ended),
}

impl<S: Read + Write> Link<S> {
    /// `received` came with the response to the upgrade.
    pub(super) fn new(stream: S, received: Vec<u8>) -> Self {
        Link { stream, received, taken: 0, decoder: Decoder::new(), longest_wait: None, ended: None }
    }

    /// The end of a wait that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.longest_wait)
    }

    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), ClientError> {
        if let Some(ended) = &self.ended {
            return Err(ClientError::Ended(ended.clone()));
        }
        self.send_frame(Opcode::Binary, message).map_err(|error| match ClientError::from(error) {
            // What was written in part cannot be followed by another frame.
            ClientError::TimedOut | ClientError::Ended(_) => self.end(Ended::without_close()),
            error => error,
        })
    }

    /// The next message.
    pub(super) fn message(&mut self) -> Result<Vec<u8>, ClientError> {
        if let Some(ended) = &self.ended {
            return Err(ClientError::Ended(ended.clone()));
        }
        let deadline = self.deadline();
        loop {
            let before = self.taken;
            match self.step().map_err(|error| self.fail(error))? {
                Found::Message(message) => return Ok(message),
                Found::Ping(payload) => self.pong(&payload)?,
                Found::Close(ended) => {
                    let code = CloseCode::new(ended.code).map(|code| code.get().to_be_bytes());
                    let _ = self.send_frame(Opcode::Close, code.as_slice().as_flattened());
                    self.drain();
                    return Err(self.end(ended));
                }
                Found::Nothing if self.taken > before => {}
                Found::Nothing => {
                    deadline.check()?;
                    self.read()?;
                }
            }
        }
    }

    /// Ends a connection on which nothing can be understood any more (RFC 6455 §7.1.7).
    pub(super) fn fail(&mut self, error: ClientError) -> ClientError {
        // The server may be gone already.
        let _ = self.send_frame(Opcode::Close, &CloseCode::PROTOCOL_ERROR.get().to_be_bytes());
        self.end(Ended::without_close());
        error
    }

    /// Answers a Ping. The server may have ended its side; but what was written in part ends the connection.
    fn pong(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        match self.send_frame(Opcode::Pong, payload).map_err(ClientError::from) {
            Err(ClientError::TimedOut) => Err(self.end(Ended::without_close())),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Closes with 1000, and waits for the end. The server may be gone already.
    pub(super) fn close(&mut self) {
        if self.ended.is_none()
            && self.send_frame(Opcode::Close, &CloseCode::NORMAL.get().to_be_bytes()).is_ok()
        {
            self.drain();
        }
    }

    /// Takes one frame from what was received.
    fn step(&mut self) -> Result<Found, ClientError> {
        let mut input = self.received.get_mut(self.taken..).unwrap_or_default();
        let before = input.len();
        let found = match self.decoder.next(&mut input, &RULES).map_err(|_| ClientError::Protocol)? {
            None | Some(Event::Pong(_)) => Found::Nothing,
            Some(Event::Message { kind: MessageKind::Binary, payload, .. }) => {
                Found::Message(payload.to_vec())
            }
            Some(Event::Message { .. }) => return Err(ClientError::Protocol),
            Some(Event::Close(close)) => Found::Close(Ended::by(close)),
            Some(Event::Ping(payload)) => Found::Ping(payload.to_vec()),
        };
        let used = before.saturating_sub(input.len());
        self.taken = self.taken.saturating_add(used);
        Ok(found)
    }

    fn read(&mut self) -> Result<(), ClientError> {
        // All that the decoder has taken is in front.
        self.received.drain(..std::mem::take(&mut self.taken).min(self.received.len()));
        let read = read_more(&mut self.stream, &mut self.received, READ_BYTES).map_err(ClientError::from);
        match read {
            Ok(0) | Err(ClientError::Ended(_)) => Err(self.end(Ended::without_close())),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn end(&mut self, ended: Ended) -> ClientError {
        ClientError::Ended(self.ended.insert(ended).clone())
    }

    /// Reads until the server closes the connection (RFC 6455 §7.1.1), or is silent or goes on for too long.
    fn drain(&mut self) {
        let deadline = Deadline::after(Some(self.longest_wait.unwrap_or(TIMEOUT)));
        self.received.clear();
        self.taken = 0;
        while deadline.check().is_ok()
            && read_more(&mut self.stream, &mut self.received, READ_BYTES).is_ok_and(|read| read > 0)
        {
            self.received.clear();
        }
    }

    fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        push_masked_frame(&mut frame, true, opcode, random(), payload);
        let deadline = self.deadline();
        write_all(&mut self.stream, &frame, deadline)?;
        self.stream.flush()
    }
}

/// Writes all bytes until the deadline, though a peer takes them one by one.
fn write_all(stream: &mut impl Write, mut bytes: &[u8], deadline: Deadline) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if !bytes.is_empty() && deadline.check().is_err() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}
