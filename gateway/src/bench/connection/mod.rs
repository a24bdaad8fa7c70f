//! One connection, from its socket to its end.
//!
//! ```text
//! Unopened ─▶ Upgrading ─▶ SettingUp ─▶ Open ─▶ Closing ─▶ Ended
//!     ▲                                            │
//!     └──────────── another in its place ──────────┘
//! ```

mod echoes;
mod receive;
mod send;
mod session;
mod setup;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use mio::{Registry, Token};
use sysconn::client::Ended;
use sysconn::frame::{CloseCode, Decoder, Opcode};

use super::shared::Shared;
use super::transport::Transport;
use super::wire::Wire;
use crate::call::meaning_of_close;
use crate::tls_error;
pub(super) use session::Standing;
use session::{End, Session, Stage};

/// Reads of one event: a server that sends without end does not keep the others waiting.
const MAX_READS: usize = 16;

/// Why a connection goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    Io(io::Error),
    /// The server has closed it, with this code.
    Closed(u16),
    /// The server ended the connection without a Close frame.
    End,
    /// It cannot be used.
    Failed(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Io(error)
    }
}

impl Stop {
    fn reason(self) -> String {
        match self {
            Stop::Io(error) => {
                tls_error::of_io(&error).map_or_else(|| error.to_string(), |line| format!("TLS: {line}"))
            }
            Stop::Closed(code) => {
                // The server's own words would make many reasons of one.
                let ended = Ended { code, reason: String::new() };
                let meaning = meaning_of_close(&ended).map(|meaning| format!(" ({meaning})"));
                format!("{ended}{}", meaning.unwrap_or_default())
            }
            Stop::End => "the server ended the connection without a Close frame".to_owned(),
            Stop::Failed(reason) => reason,
        }
    }
}

/// What a poll reports of a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readiness {
    pub(super) is_readable: bool,
    pub(super) is_writable: bool,
    /// An error waits, such as that no connection could be made.
    pub(super) has_failed: bool,
    /// The server sends no more than what is there.
    pub(super) has_ended: bool,
}

impl Readiness {
    /// There may be something to read.
    pub(super) const READABLE: Readiness =
        Readiness { is_readable: true, is_writable: false, has_failed: false, has_ended: false };
}

/// A place for one connection after the other.
pub(super) struct Connection {
    wire: Option<Wire>,
    decoder: Decoder,
    session: Session,
}

impl Connection {
    /// `index` is its number among all, from 0. An idle one sends heartbeats only.
    /// The Flags of its requests end with `last_flag`, and begin again with 1.
    pub(super) fn new(index: usize, is_idle: bool, last_flag: u32) -> Self {
        let session = Session::new(index, is_idle, last_flag);
        Connection { wire: None, decoder: Decoder::new(), session }
    }

    pub(super) fn standing(&self) -> Standing {
        self.session.stage.standing()
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Its own address, by which the server knows it.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.wire.as_ref()?.transport.local_addr().ok()
    }

    /// It has ended because this side wanted it to.
    pub(super) fn was_left(&self) -> bool {
        matches!(self.session.stage, Stage::Ended(End::Left))
    }

    /// It could not be opened.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.session.stage, Stage::Ended(End::Failed))
    }

    /// Nothing is in flight or due on it, or it was lost.
    pub(super) fn is_quiet(&self) -> bool {
        let is_lost = matches!(self.session.stage, Stage::Ended(End::Lost));
        is_lost || (self.session.in_flight.is_empty() && !self.session.owes())
    }

    /// Its number among those that send.
    pub(super) fn set_sender(&mut self, sender: usize) {
        self.session.sender = sender;
    }

    /// Has it begin anew.
    pub(super) fn forget(&mut self) {
        let Session { index, is_idle, ref in_flight, .. } = self.session;
        *self = Connection::new(index, is_idle, in_flight.last_flag());
    }

    /// Begins to connect to this address.
    pub(super) fn open(&mut self, address: SocketAddr, registry: &Registry, shared: &mut Shared) {
        let now = shared.clock.now();
        let plan = &shared.plan;
        let token = Token(self.session.index);
        match Transport::connect(address, plan.tls.as_ref(), registry, token) {
            Ok(transport) => {
                let (handshake, request) = shared.upgrade.begin(&mut shared.random);
                self.wire = Some(Wire::new(transport, request, Rc::clone(&shared.prepared)));
                self.decoder = Decoder::new();
                self.session.begin(handshake, now);
            }
            Err(error) => {
                self.session.begin_nothing(now);
                self.stop(error.into(), shared);
            }
        }
    }

    /// Its socket is ready: reads what is there, if it is to be read. What it may send then is the caller's
    /// to send, after all reads of a turn. Returns whether there is more to read.
    pub(super) fn handle_event(&mut self, readiness: Readiness, shared: &mut Shared) -> bool {
        let result = self.make_progress(readiness, shared);
        match result {
            Ok(more) => more,
            Err(stop) => {
                self.stop(stop, shared);
                false
            }
        }
    }

    fn make_progress(&mut self, readiness: Readiness, shared: &mut Shared) -> Result<bool, Stop> {
        let Some(wire) = &mut self.wire else { return Ok(false) };
        if !self.session.is_connected {
            if readiness.has_failed {
                wire.transport.check()?;
            }
            if !readiness.is_writable {
                return Ok(false);
            }
            wire.transport.set_connected()?;
            self.session.is_connected = true;
        }
        wire.is_writable |= readiness.is_writable;
        self.session.has_ended |= readiness.has_ended;
        wire.flush()?;
        if readiness.is_readable { self.receive(shared) } else { Ok(false) }
    }

    /// Sends what it may, and closes it if another should take its place.
    pub(super) fn send(&mut self, shared: &mut Shared) {
        if let Err(stop) = self.try_send(shared) {
            self.stop(stop, shared);
        }
    }

    fn try_send(&mut self, shared: &mut Shared) -> Result<(), Stop> {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        // What the socket has taken makes room for more, and no event may come to say so.
        loop {
            self.session.send(wire, shared);
            wire.flush()?;
            if !wire.is_writable || self.session.sendable(shared) == 0 {
                break;
            }
        }
        if self.session.is_used_up(shared) {
            if shared.plan.without_close {
                // What it has sent has to go out first.
                if wire.is_empty() {
                    self.end(End::Left);
                }
            } else {
                self.close(shared);
            }
        }
        Ok(())
    }

    /// Another request is due. Returns whether it is the only one.
    pub(super) fn owe(&mut self) -> bool {
        self.session.owed += 1;
        self.session.owed == 1
    }

    /// So many more are due, and nothing is sent any more.
    pub(super) fn owe_rest(&mut self, count: u64) {
        self.session.owed = self.session.owed.saturating_add(count);
    }

    /// Sends a heartbeat if it was silent for a while, lest the server closes it.
    pub(super) fn keep_alive(&mut self, shared: &mut Shared) {
        let Some(wire) = &mut self.wire else { return };
        self.session.keep_alive(wire, shared);
        if let Err(error) = wire.flush() {
            self.stop(error.into(), shared);
        }
    }

    /// Says goodbye, and waits for the server's.
    pub(super) fn close(&mut self, shared: &mut Shared) {
        let standing = self.standing();
        let Some(wire) = self.wire.as_mut().filter(|_| standing == Standing::Open) else { return };
        let code = CloseCode::NORMAL.get().to_be_bytes();
        wire.control(Opcode::Close, &code, &mut shared.random);
        self.session.enter(Stage::Closing, shared.clock.now());
        if wire.flush().is_err() {
            self.end(End::Left);
        }
    }

    /// Whether it is being opened or closed since `since`.
    pub(super) fn takes_since(&self, since: u64) -> bool {
        self.session.since == since && matches!(self.standing(), Standing::Opening | Standing::Closing)
    }

    /// It takes too long to be opened or closed.
    pub(super) fn expire(&mut self, shared: &mut Shared) {
        match self.standing() {
            Standing::Opening => self.stop(Stop::Failed("no answer in time".to_owned()), shared),
            Standing::Closing => {
                shared.figures.unclosed += 1;
                self.end(End::Left);
            }
            Standing::Unopened | Standing::Open | Standing::Ended => {}
        }
    }

    /// Waits for no more replies.
    pub(super) fn give_up(&mut self, shared: &mut Shared) {
        self.session.give_up(shared);
    }

    /// Ends it, and counts why.
    fn stop(&mut self, stop: Stop, shared: &mut Shared) {
        match self.standing() {
            Standing::Opening => {
                shared.figures.fail(stop.reason());
                self.end(End::Failed);
            }
            // What is in flight waits until the end of the run, like all that has no reply.
            Standing::Open => {
                shared.figures.lose(stop.reason());
                self.end(End::Lost);
            }
            // It has said goodbye, and need not be polite.
            Standing::Closing => self.end(End::Left),
            Standing::Unopened | Standing::Ended => {}
        }
    }

    /// Drops the socket.
    fn end(&mut self, end: End) {
        self.wire = None;
        self.session.stage = Stage::Ended(end);
    }
}
