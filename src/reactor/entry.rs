//! One connection of a reactor: its state machine, its socket, and its last poll events.

use std::io;

use super::admission::Permit;
use super::output::SegmentRing;
use super::standing::Standing;
use super::sys::socket::Socket;
use crate::cause::Cause;
use crate::conn::{Conn, SocketReport};
use crate::connection_log;
use crate::id::ConnectionId;
use crate::log_limiter::LogLimiter;
use crate::moment::Moment;

/// A connection with its socket.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) socket: Socket,
    pub(super) conn: Conn,
    /// A read may bring something that no event will announce.
    pub(super) readable: bool,
    /// The socket may take bytes.
    pub(super) writable: bool,
    /// The peer has stopped sending, or has sent urgent data: a short read does not mean that the socket is
    /// drained.
    pub(super) read_on: bool,
    /// The permit that counts it against the limits on clients. None for clients that are only refused.
    pub(super) permit: Option<Permit>,
    pub(super) standing: Standing,
    /// The segments that it is sent at the end of the turn.
    pub(super) segments: Option<SegmentRing>,
    /// It has ended and is on the list of the dead.
    pub(super) dead: bool,
}

// Each connection has one: it is most of the memory of an idle client. Its socket takes 16 bytes of it, or
// more where mio is built with debug assertions.
const _: () = assert!(size_of::<Entry>() - size_of::<Socket>() <= 160 - 16);

impl Entry {
    #[inline(always)]
    pub(super) fn new(socket: Socket, conn: Conn, permit: Option<Permit>) -> Self {
        Entry {
            socket,
            conn,
            // The poll reports data that is already there: a read now would mostly find nothing.
            readable: false,
            writable: true,
            read_on: false,
            permit,
            standing: Standing::default(),
            segments: None,
            dead: false,
        }
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.conn.record.id
    }

    /// Ends the connection because its socket failed. A TLS handshake that failed is logged.
    pub(super) fn fail(&mut self, error: &io::Error, log: &mut LogLimiter, now: Moment) {
        if self.socket.is_handshaking() {
            connection_log::tls_failed(&self.conn.record, log, now, error);
        }
        self.conn.abort(Cause::Reset);
    }

    /// Whether it is served behind quiet connections. Writing a client's waiting output can take long, and
    /// many clients can have some at once.
    #[inline(always)]
    pub(super) fn is_busy(&self) -> bool {
        self.standing.is_busy() || self.has_output() || self.socket.is_handshaking()
    }

    /// Whether it has output waiting that can be written now.
    #[inline(always)]
    pub(super) fn has_output(&self) -> bool {
        self.conn.outbox.is_ready() && self.writable
    }

    /// How many bytes of its output the client has taken, as far as the socket can tell.
    pub(super) fn socket_report(&self) -> SocketReport {
        let unacknowledged = self.socket.unacknowledged();
        // The outbox gets no more additions, so what is missing from it is what the socket has taken.
        let given =
            self.socket.given().unwrap_or_else(|| 0u64.wrapping_sub(self.conn.outbox.queued() as u64));
        let taken = given.wrapping_sub(unacknowledged.unwrap_or(0));
        SocketReport { unacknowledged, taken, is_idle: !self.readable }
    }
}
