//! A client that takes over the roles of others while input of theirs waits: all of them are closed at once.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Load;
use super::flood::{at_once, connect};
use super::wire::{DEFERRED, UPGRADE, login, packet};

/// How long the request is not answered behind which the input waits, in milliseconds.
const HOUR_MS: u32 = 3_600_000;
/// The shortest frames, as many as one read of the server brings.
const WAITING_FRAMES: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    LogsIn,
    Sends,
    Waits,
}

/// A client whose role is taken over.
struct Holder {
    stream: TcpStream,
    step: Step,
    received: Vec<u8>,
    sent: usize,
}

impl Holder {
    fn new(address: SocketAddr, role: usize) -> Self {
        let mut stream = connect(address);
        stream.write_all(&[UPGRADE, &login(role)].concat()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Holder { stream, step: Step::LogsIn, received: vec![], sent: 0 }
    }

    /// Returns the bytes that were read and written. An error: its role was taken over, or before it has
    /// logged in, there was no connection.
    fn go_on(&mut self, input: &[u8]) -> io::Result<usize> {
        let mut reply = [0; 1024];
        let mut moved = match self.stream.read(&mut reply) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if self.step != Step::LogsIn => return Err(ErrorKind::ConnectionAborted.into()),
            result => at_once(result)?,
        };
        self.received.extend_from_slice(&reply[..moved]);
        let head = self.received.windows(4).position(|end| end == b"\r\n\r\n");
        if self.step == Step::LogsIn && head.is_some_and(|at| at + 4 < self.received.len()) {
            self.step = Step::Sends;
        }
        if self.step == Step::Sends {
            let sent = at_once(self.stream.write(&input[self.sent..]))?;
            (self.sent, moved) = (self.sent + sent, moved + sent);
            if self.sent == input.len() {
                self.step = Step::Waits;
            }
        }
        Ok(moved)
    }
}

/// The holders of roles, and the client that takes them over.
pub(crate) struct Replaced {
    address: SocketAddr,
    heir: TcpStream,
    holders: Vec<Holder>,
    /// What a holder sends once it has logged in.
    input: Vec<u8>,
    /// What the heir sends once the input of all waits.
    logins: Vec<u8>,
    has_sent_logins: bool,
    done: u64,
}

impl Replaced {
    /// `clients` in all.
    pub(crate) fn new(address: SocketAddr, clients: usize) -> Self {
        let mut heir = connect(address);
        heir.write_all(UPGRADE).unwrap();
        heir.set_nonblocking(true).unwrap();
        Replaced {
            address,
            heir,
            holders: (0..clients - 1).map(|role| Holder::new(address, role)).collect(),
            input: [packet(DEFERRED, &HOUR_MS.to_be_bytes()), b"\x82\x00".repeat(WAITING_FRAMES)].concat(),
            // It keeps the last one, which no holder has.
            logins: (0..clients).flat_map(login).collect(),
            has_sent_logins: false,
            done: 0,
        }
    }
}

impl Load for Replaced {
    fn go_on(&mut self) -> usize {
        let mut moved = at_once(self.heir.read(&mut [0; 4096])).unwrap();
        for (role, holder) in self.holders.iter_mut().enumerate() {
            moved += holder.go_on(&self.input).unwrap_or_else(|error| {
                assert!(holder.step != Step::LogsIn, "no connection, or no login: {error}");
                *holder = Holder::new(self.address, role);
                self.done += 1;
                1
            });
        }
        let all_wait = self.holders.iter().all(|holder| holder.step == Step::Waits);
        if all_wait && !self.has_sent_logins {
            self.heir.write_all(&self.logins).unwrap();
        }
        self.has_sent_logins = all_wait;
        moved
    }

    /// The holders that were replaced.
    fn done(&self) -> u64 {
        self.done
    }
}
