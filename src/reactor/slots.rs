//! Every connection with its socket, in a slab whose slots carry a generation.

use std::io;

use mio::Token;
use slab::Slab;

use super::admission::Place;
use super::gather::Chain;
use super::ready::Standing;
use super::sys::socket::Socket;
use crate::cause::Cause;
use crate::config::MAX_WORKERS;
use crate::conn::{Conn, Line};
use crate::connection_log;
use crate::id::{ConnectionId, MAX_SLOTS};
use crate::log_limiter::LogLimiter;
use crate::moment::Moment;

/// One connection, its socket, and what the poll last said about it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) socket: Socket,
    pub(super) conn: Conn,
    /// A read may bring something: no edge is owed for it.
    pub(super) readable: bool,
    /// A write may be taken.
    pub(super) writable: bool,
    /// The peer is done sending, or has sent urgent data: a short read does not mean that the socket is
    /// drained.
    pub(super) read_on: bool,
    /// What it counts as against the limits; nothing for those that are only refused.
    pub(super) place: Option<Place>,
    pub(super) standing: Standing,
    /// What this turn sends it.
    pub(super) gathered: Option<Chain>,
    /// On the list of connections that have ended.
    pub(super) dead: bool,
}

// There is one for each connection: most of what a client that is idle costs. Its socket is 16 bytes of it,
// but more where mio is built with debug assertions.
const _: () = assert!(size_of::<Entry>() - size_of::<Socket>() <= 192 - 16);

impl Entry {
    pub(super) fn id(&self) -> ConnectionId {
        self.conn.record.id
    }

    /// The socket failed: nothing can be sent any more. Of a TLS handshake that did not succeed the log has a line.
    pub(super) fn fail(&mut self, error: &io::Error, log: &mut LogLimiter, now: Moment) {
        if self.socket.is_handshaking() {
            connection_log::tls_failed(&self.conn.record, log, now, error);
        }
        self.conn.abort(Cause::Reset);
    }

    /// Whether it goes behind those that say little: to write what waits for a client can take long, and many can
    /// have something wait at once.
    pub(super) fn is_busy(&self) -> bool {
        self.standing.is_busy() || self.has_output() || self.socket.is_handshaking()
    }

    /// Whether output waits that can be written.
    pub(super) fn has_output(&self) -> bool {
        self.writable && self.conn.outbox.is_ready()
    }

    /// What the socket says of the bytes that it was given.
    pub(super) fn line(&self) -> Line {
        let unacknowledged = self.socket.unacknowledged();
        // Nothing is added to what waits any more: what is taken is missing there.
        let given =
            self.socket.given().unwrap_or_else(|| 0u64.wrapping_sub(self.conn.outbox.queued() as u64));
        let taken = given.wrapping_sub(unacknowledged.unwrap_or(0));
        Line { unacknowledged, taken, is_idle: !self.readable }
    }
}

/// The slab.
#[derive(Debug)]
pub(super) struct Slots {
    /// The worker that the ids of these connections name.
    worker: u8,
    slab: Slab<Entry>,
    generation: u32,
}

/// Slots that there is room for from the start, in memory that the system gives only as it is used. From this
/// size on the allocator maps pages for what grows, and moves them where it would have to copy: no smaller
/// copies are left behind.
pub(super) const FIRST_SLOTS: usize = 16 * 1024;

impl Slots {
    pub(super) fn new(worker: u8) -> Self {
        Slots { worker, slab: Slab::with_capacity(FIRST_SLOTS), generation: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Puts in the connection that `make` makes of its id. `None` if there is no slot left.
    pub(super) fn insert(&mut self, make: impl FnOnce(ConnectionId) -> Entry) -> Option<ConnectionId> {
        let vacant = self.slab.vacant_entry();
        let slot = u32::try_from(vacant.key()).ok().filter(|&slot| (slot as usize) < MAX_SLOTS)?;
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId::new(self.worker, slot, self.generation);
        vacant.insert(make(id));
        Some(id)
    }

    /// The connection of that very id.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        self.slab.get_mut(id.slot()).filter(|entry| entry.id() == id)
    }

    /// The connection of that very id, to be looked at.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        self.slab.get(id.slot()).filter(|entry| entry.id() == id)
    }

    /// All connections, in the order of their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slab.iter().map(|(_, entry)| entry)
    }

    /// The id of the connection that sits in a slot now.
    pub(super) fn id_at(&self, slot: usize) -> Option<ConnectionId> {
        self.slab.get(slot).map(Entry::id)
    }

    /// The connection that sits in a slot now.
    pub(super) fn at(&self, slot: usize) -> Option<&Entry> {
        self.slab.get(slot)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Entry> {
        self.get_mut(id)?;
        self.slab.try_remove(id.slot())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.iter().map(Entry::id)
    }
}

// An id has 64 bits, and is the poll's name for its connection. No worker has the number 255, so the
// highest numbers are free to be the tokens of what is not a connection.
const _: () = assert!(usize::BITS >= u64::BITS && MAX_WORKERS <= u8::MAX as usize);

/// The poll's name for a connection: the id itself.
pub(super) fn token(id: ConnectionId) -> Token {
    Token(id.to_u64() as usize)
}
