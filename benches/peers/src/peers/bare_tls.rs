//! A bare TLS echo on rustls' unbuffered API, the upper limit for a server with TLS: one read into a shared
//! buffer, records decrypted in place, one write.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use slab::Slab;

use crate::Result;

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER_BYTES: usize = 256 * 1024;
/// Records take 22 bytes more than what is in them.
const WRITE_BUFFER_BYTES: usize = READ_BUFFER_BYTES + 64 * 1024;

struct Connection {
    stream: TcpStream,
    tls: UnbufferedServerConnection,
    /// The beginning of an incomplete record.
    rest: Vec<u8>,
    /// The rest of a short write. While there is one, nothing is read.
    unsent: Vec<u8>,
    /// Whether a write was ever short, so that events report when to try again.
    waits_to_write: bool,
}

/// The buffers that all connections share.
struct Buffers {
    cipher: Vec<u8>,
    plain: Vec<u8>,
    out: Vec<u8>,
}

pub fn run(config: &Arc<ServerConfig>) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = Slab::new();
    let mut buffers =
        Buffers { cipher: vec![0; READ_BUFFER_BYTES], plain: vec![], out: vec![0; WRITE_BUFFER_BYTES] };
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, config, &mut connections, &poll)?,
                Token(key) => {
                    let Some(connection) = connections.get_mut(key) else { continue };
                    let ends = event.is_read_closed();
                    if connection.echo(&mut buffers, ends, Token(key), &poll).is_err() {
                        connections.remove(key);
                    }
                }
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    connections: &mut Slab<Connection>,
    poll: &Poll,
) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let tls = UnbufferedServerConnection::new(config.clone())?;
        let entry = connections.vacant_entry();
        poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
        entry.insert(Connection { stream, tls, rest: vec![], unsent: vec![], waits_to_write: false });
    }
}

impl Connection {
    /// Reads and writes until a read is short or a write is not whole. If the end came with the data there is
    /// no separate event: then `ends` is set, and the end is read.
    fn echo(&mut self, buffers: &mut Buffers, ends: bool, token: Token, poll: &Poll) -> io::Result<()> {
        let unsent = mem::take(&mut self.unsent);
        self.write(&unsent, token, poll)?;
        while self.unsent.is_empty() {
            let kept = self.rest.len();
            buffers.cipher[..kept].copy_from_slice(&self.rest);
            self.rest = vec![];
            let space = buffers.cipher.len() - kept;
            match self.stream.read(&mut buffers.cipher[kept..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    let written = self.answer(buffers, kept + count)?;
                    self.write(&buffers.out[..written], token, poll)?;
                    if count < space && !ends {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.rest = buffers.cipher[..kept].to_vec();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decrypts the first `len` bytes of ciphertext, and encrypts the answer. Returns its length.
    fn answer(&mut self, buffers: &mut Buffers, len: usize) -> io::Result<usize> {
        let Buffers { cipher, plain, out } = buffers;
        plain.clear();
        let (mut from, mut written) = (0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.tls.process_tls_records(&mut cipher[from..len]);
            let is_over = match state.map_err(io::Error::other)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    false
                }
                ConnectionState::EncodeTlsData(data) => {
                    written += encode(data, &mut out[written..])?;
                    false
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    false
                }
                ConnectionState::WriteTraffic(mut traffic) => {
                    let out = &mut out[written..];
                    written += traffic.encrypt(plain, out).map_err(io::Error::other)?;
                    true
                }
                ConnectionState::BlockedHandshake => true,
                _ => return Err(ErrorKind::UnexpectedEof.into()),
            };
            from += discard;
            if is_over {
                self.rest = cipher[from..len].to_vec();
                return Ok(written);
            }
        }
    }

    /// Writes, and keeps the rest that the socket does not take.
    fn write(&mut self, mut bytes: &[u8], token: Token, poll: &Poll) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !mem::replace(&mut self.waits_to_write, true) {
                        let interest = Interest::READABLE | Interest::WRITABLE;
                        poll.registry().reregister(&mut self.stream, token, interest)?;
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }
}

fn encode(
    mut data: EncodeTlsData<'_, rustls::server::ServerConnectionData>,
    out: &mut [u8],
) -> io::Result<usize> {
    data.encode(out).map_err(|error| match error {
        EncodeError::InsufficientSize(_) => ErrorKind::WriteZero.into(),
        EncodeError::AlreadyEncoded => ErrorKind::InvalidInput.into(),
    })
}
