//! A small blocking client: it upgrades, and asks one thing after the other.

mod stream;

use std::fmt;
use std::io::{self, Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use sysconn::ConnectionId;
use sysconn::config::MAX_LEN;
use sysconn::frame::{CloseCode, Decoder, Event, MessageKind, Opcode, Role, Rules, push_masked_frame};
use sysconn::packet::{Codecs, ErrorId, Reply, Request, push_request};

use crate::options::{Offer, Url};
use stream::Stream;

/// The longest answer to an upgrade request, in bytes.
const MAX_HEAD_BYTES: usize = 8192;
/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;
/// What the key of a handshake is hashed with (RFC 6455 §1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const RULES: Rules = Rules { role: Role::Client, max_len: MAX_LEN, text: false, deflate: false };

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The connection failed.
    Io(io::Error),
    /// The server refused the upgrade: its status line, and the line that says why.
    Upgrade(String),
    /// What came is no WebSocket, or no packet that was asked for.
    Protocol,
    /// The server closed the connection.
    Closed(Option<CloseCode>),
    /// The server refused the request.
    Refused(ErrorId),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Io(error) => error.fmt(f),
            ClientError::Upgrade(answer) => write!(f, "the server answered {answer:?}"),
            ClientError::Protocol => f.write_str("what the server sends is not understood"),
            ClientError::Closed(None) => f.write_str("the server closed the connection"),
            ClientError::Closed(Some(code)) => {
                write!(f, "the server closed the connection with {}", code.get())
            }
            ClientError::Refused(error_id) => write!(f, "the server refused it with ErrorID {}", error_id.0),
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        ClientError::Io(error)
    }
}

/// A connection to a server.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    /// What was received and not used yet.
    received: Vec<u8>,
    decoder: Decoder,
    random: SystemRandom,
    /// The Flag of the last request.
    flag: u32,
}

impl Client {
    /// Connects and upgrades.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) fn connect(url: &Url, offer: &Offer) -> Result<Self, ClientError> {
        let (stream, received) = (stream::connect(url)?, Vec::new());
        let mut client =
            Client { stream, received, decoder: Decoder::new(), random: SystemRandom::new(), flag: 0 };
        client.upgrade(url, offer)?;
        Ok(client)
    }

    /// Sends a request, and waits for the message that answers it. Pushes are passed over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(crate) fn ask<M: Message + Default>(
        &mut self,
        cmd: u16,
        message: &impl Message,
    ) -> Result<M, ClientError> {
        self.flag = self.flag.wrapping_add(1);
        let (mut packet, data) = (Vec::new(), message.encode_to_vec());
        push_request(&mut packet, &Request { data_status: 0, flag: self.flag, cmd, data: &data });
        self.send(Opcode::Binary, &packet)?;
        loop {
            let message = self.message()?;
            let reply = Reply::parse(&message).map_err(|_| ClientError::Protocol)?;
            if (reply.cmd, reply.flag) != (cmd, self.flag) {
                continue;
            }
            if reply.error_id != ErrorId(0) {
                return Err(ClientError::Refused(reply.error_id));
            }
            let (mut codecs, mut inflated) = (Codecs::new(None), Vec::new());
            // No cipher, which alone would want to know the connection.
            let connection = ConnectionId::from_u64(0);
            let data = codecs.decode(connection, reply.data_status, reply.data, &mut inflated, MAX_LEN);
            return data.ok().and_then(|data| M::decode(data).ok()).ok_or(ClientError::Protocol);
        }
    }

    /// Says goodbye. The server may be gone already.
    pub(crate) fn close(mut self) {
        let _ = self.send(Opcode::Close, &CloseCode::NORMAL.get().to_be_bytes());
    }

    fn upgrade(&mut self, url: &Url, offer: &Offer) -> Result<(), ClientError> {
        let key = STANDARD.encode(self.random::<16>()?);
        let line =
            |name, value: Option<&str>| value.map(|value| format!("{name}: {value}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: \
             {key}\r\nSec-WebSocket-Version: 13\r\n{}{}\r\n",
            url.target,
            url.authority,
            line("Origin", offer.origin.as_deref()),
            line("Sec-WebSocket-Protocol", offer.subprotocol.as_deref()),
        );
        self.stream.write_all(request.as_bytes())?;
        let head = self.head()?;
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        if !status.starts_with("HTTP/1.1 101 ") {
            return Err(ClientError::Upgrade(self.refusal(status)));
        }
        let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
        let is_accept = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_default();
            name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == accept
        };
        if lines.any(is_accept) { Ok(()) } else { Err(ClientError::Protocol) }
    }

    /// The head of the answer, without its end.
    fn head(&mut self) -> Result<String, ClientError> {
        loop {
            if let Some(at) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let rest = self.received.split_off(at + 4);
                let head = std::mem::replace(&mut self.received, rest);
                return Ok(String::from_utf8_lossy(head.get(..at).unwrap_or_default()).into_owned());
            }
            if self.received.len() > MAX_HEAD_BYTES {
                return Err(ClientError::Protocol);
            }
            self.read()?;
        }
    }

    /// A status line, and the first line of the body if one comes.
    fn refusal(&mut self, status: &str) -> String {
        while !self.received.contains(&b'\n') && self.received.len() < MAX_HEAD_BYTES && self.read().is_ok() {
        }
        let body = String::from_utf8_lossy(&self.received);
        let line = body.lines().next().unwrap_or_default();
        if line.is_empty() { status.to_owned() } else { format!("{status}: {line}") }
    }

    /// The next message. Pings are answered.
    fn message(&mut self) -> Result<Vec<u8>, ClientError> {
        loop {
            let len = self.received.len();
            let mut input = self.received.as_mut_slice();
            let mut ping = None;
            let event = self.decoder.next(&mut input, &RULES).map_err(|_| ClientError::Protocol)?;
            let message = match event {
                None | Some(Event::Pong(_)) => None,
                Some(Event::Message { kind: MessageKind::Binary, payload, .. }) => Some(payload.to_vec()),
                Some(Event::Message { .. }) => return Err(ClientError::Protocol),
                Some(Event::Close(close)) => return Err(ClientError::Closed(close.map(|close| close.code))),
                Some(Event::Ping(payload)) => {
                    ping = Some(payload.to_vec());
                    None
                }
            };
            let used = len - input.len();
            self.received.drain(..used);
            match (message, ping) {
                (Some(message), _) => return Ok(message),
                (None, Some(payload)) => self.send(Opcode::Pong, &payload)?,
                (None, None) if used > 0 => {}
                (None, None) => self.read()?,
            }
        }
    }

    fn read(&mut self) -> Result<(), ClientError> {
        let mut piece = vec![0; READ_BYTES];
        let read = loop {
            match self.stream.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer").into());
                }
                result => break result?,
            }
        };
        if read == 0 {
            return Err(ClientError::Closed(None));
        }
        self.received.extend_from_slice(piece.get(..read).unwrap_or_default());
        Ok(())
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        let mut frame = Vec::new();
        push_masked_frame(&mut frame, true, opcode, self.random()?, payload);
        self.stream.write_all(&frame)?;
        Ok(self.stream.flush()?)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], ClientError> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| io::Error::other("there are no random numbers"))?;
        Ok(bytes)
    }
}
