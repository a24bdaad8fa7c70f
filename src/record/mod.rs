//! The record of one connection: who the client is, and counters of its traffic.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

mod census;
mod login;
mod traffic;

use crate::config::{MAX_BAD_INPUT_LINES, MAX_BAD_REQUESTS};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::packed::{Packed, PackedMoment};

pub(crate) use census::Census;
pub use login::{ClientKind, Custodian, Identity, Login};

use login::Kept;
use traffic::Traffic;

/// Where a client connects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An IP address and port.
    Ip(IpAddr, u16),
    /// A Unix domain socket on this machine.
    Local,
}

impl Peer {
    /// The IP address, if it has one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Ip(ip, _) => Some(*ip),
            Peer::Local => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        // A client that reached an IPv6 listener over IPv4 is the same client: limits and logs
        // should see one address for it.
        Peer::Ip(address.ip().to_canonical(), address.port())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(ip, port) => SocketAddr::new(*ip, *port).fmt(f),
            Peer::Local => f.write_str("unix"),
        }
    }
}

/// Who watches the packets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch(u8);

impl Watch {
    /// The log.
    pub(crate) const LOG: Watch = Watch(1);
    /// A recorder.
    pub(crate) const RECORDER: Watch = Watch(2);
    /// A clock that times its handlers, and sees nothing of the packets.
    pub(crate) const CLOCK: Watch = Watch(4);
}

/// The record of one connection. Handlers read it through their context.
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) id: ConnectionId,
    /// None for a local client, which has no port either.
    ip: Option<IpAddr>,
    port: Packed<2>,
    connected_at: PackedMoment,
    kind: ClientKind,
    watch: Watch,
    bad_input_lines: u8,
    bad_req_count: u8,
    login: Option<Box<Kept>>,
    pub(crate) recv_count: u64,
    pub(crate) send_count: u64,
    last_recv_count: Packed<5>,
    loop_counter: Packed<3>,
    error_send: u32,
    traffic: Traffic,
}

/// The counters of a record, and its login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) role_id: u64,
    pub(crate) kind: ClientKind,
    pub(crate) recv_count: u64,
    pub(crate) send_count: u64,
    pub(crate) last_recv_count: u64,
    pub(crate) loop_counter: u32,
    pub(crate) error_send: u32,
    pub(crate) bad_req_count: u8,
}

// Each connection has one.
const _: () = assert!(size_of::<Record>() <= 88);
// Bad requests are counted in a byte, including the one that is too many.
const _: () = assert!(MAX_BAD_REQUESTS < u8::MAX as u32);

impl Record {
    pub(crate) fn new(id: ConnectionId, peer: Peer, connected_at: Moment) -> Self {
        let mut record = Record {
            id,
            ip: None,
            port: Packed::ZERO,
            connected_at: connected_at.into(),
            kind: ClientKind::Guest,
            watch: Watch(0),
            bad_input_lines: 0,
            bad_req_count: 0,
            login: None,
            recv_count: 0,
            send_count: 0,
            last_recv_count: Packed::ZERO,
            loop_counter: Packed::ZERO,
            error_send: 0,
            traffic: Traffic::default(),
        };
        record.set_peer(peer);
        record
    }

    /// The connection's name.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Where the client connects from.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.ip.map_or(Peer::Local, |ip| Peer::Ip(ip, self.port.get() as u16))
    }

    /// When the connection was accepted.
    #[must_use]
    pub fn connected_at(&self) -> Moment {
        self.connected_at.into()
    }

    /// What kind of client it is: [`ClientKind::Guest`] until a login says otherwise.
    #[must_use]
    pub fn kind(&self) -> ClientKind {
        self.kind
    }

    /// Who the client is, once it has logged in.
    #[must_use]
    pub fn identity(&self) -> Option<Identity<&str>> {
        self.login.as_ref().map(|login| login.identity())
    }

    /// The custodian that acts on behalf of the client, if there is one.
    #[must_use]
    pub fn custodian(&self) -> Option<&Custodian> {
        self.login.as_ref().and_then(|login| login.custodian())
    }

    /// The role that is played; 0 means not logged in.
    #[must_use]
    pub fn role_id(&self) -> u64 {
        self.login.as_ref().map_or(0, |login| login.role_id())
    }

    /// Packets received, including the one in hand: its sequence number, from 1.
    #[must_use]
    pub fn recv_count(&self) -> u64 {
        self.recv_count
    }

    /// [`recv_count`](Self::recv_count) at the last client check.
    #[must_use]
    pub fn last_recv_count(&self) -> u64 {
        self.last_recv_count.get()
    }

    /// Packets sent: written to the socket or waiting for it.
    #[must_use]
    pub fn send_count(&self) -> u64 {
        self.send_count
    }

    /// Packets that could not be sent because the outbox was full, up to 2^32 - 1.
    #[must_use]
    pub fn error_send(&self) -> u64 {
        self.error_send.into()
    }

    /// Bytes received, without the overhead of TLS.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.traffic.received()
    }

    /// Bytes that the socket took, without the overhead of TLS.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.traffic.sent()
    }

    /// The command of the last packet that was received; 0 before the first one.
    #[must_use]
    pub fn last_cmd(&self) -> u16 {
        self.traffic.last_cmd()
    }

    /// Bad requests so far.
    #[must_use]
    pub fn bad_req_count(&self) -> u32 {
        self.bad_req_count.into()
    }

    /// Rounds of housekeeping so far, up to 2^24 - 1.
    #[must_use]
    pub fn loop_counter(&self) -> u32 {
        self.loop_counter.get() as u32
    }

    /// Whether each packet in and out is logged.
    #[must_use]
    pub fn debug(&self) -> bool {
        self.has(Watch::LOG)
    }

    /// Whether the connection is watched (debug or a recording): a single test, since each packet needs it.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.0 & (Watch::LOG.0 | Watch::RECORDER.0) != 0
    }

    /// Whether its handlers are watched: as the connection is, or only timed.
    #[inline]
    pub(crate) fn has_watched_handlers(&self) -> bool {
        self.watch.0 != 0
    }

    /// Whether `watch` is on.
    pub(crate) fn has(&self, watch: Watch) -> bool {
        self.watch.0 & watch.0 != 0
    }

    /// Switches `watch` on or off.
    pub(crate) fn set(&mut self, watch: Watch, on: bool) {
        self.watch.0 = if on { self.watch.0 | watch.0 } else { self.watch.0 & !watch.0 };
    }

    /// Sets the client's address, which a proxy has named.
    pub(crate) fn set_peer(&mut self, peer: Peer) {
        (self.ip, self.port) = match peer {
            Peer::Ip(ip, port) => (Some(ip), Packed::new(port.into())),
            Peer::Local => (None, Packed::ZERO),
        };
    }

    /// Whether the client has logged in.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.login.is_some()
    }

    pub(crate) fn log_in(&mut self, login: Login) {
        self.kind = login.kind;
        self.login = Some(Box::new(Kept::new(login.identity, login.custodian)));
    }

    /// Logs the client out. Returns the role that it played, if it did.
    pub(crate) fn log_out(&mut self) -> Option<u64> {
        self.kind = ClientKind::Guest;
        self.login.take().map(|login| login.role_id())
    }

    /// Counts a packet that did not fit the outbox.
    pub(crate) fn count_send_error(&mut self) {
        self.count_send_errors(1);
    }

    /// Counts packets that did not fit the outbox.
    pub(crate) fn count_send_errors(&mut self, packets: u32) {
        self.error_send = self.error_send.saturating_add(packets);
    }

    /// Counts a bad request. Returns whether it is one too many.
    pub(crate) fn count_bad_request(&mut self) -> bool {
        self.bad_req_count = self.bad_req_count.saturating_add(1);
        u32::from(self.bad_req_count) > MAX_BAD_REQUESTS
    }

    /// The counters that decide what the connection does, for a recording that begins in the middle.
    pub(crate) fn counted(&self) -> Counted {
        Counted {
            role_id: self.role_id(),
            kind: self.kind,
            recv_count: self.recv_count,
            send_count: self.send_count,
            last_recv_count: self.last_recv_count(),
            loop_counter: self.loop_counter(),
            error_send: self.error_send,
            bad_req_count: self.bad_req_count,
        }
    }

    /// Takes over counters of a recording.
    pub(crate) fn go_on_from(&mut self, counted: Counted) {
        let Counted { role_id, kind, .. } = counted;
        if role_id != 0 {
            let identity = Identity { role_id, ..Identity::default() };
            self.log_in(Login { identity, kind, ..Login::default() });
        }
        self.recv_count = counted.recv_count;
        self.send_count = counted.send_count;
        self.last_recv_count = Packed::new(counted.last_recv_count);
        self.loop_counter = Packed::new(counted.loop_counter.into());
        self.error_send = counted.error_send;
        self.bad_req_count = counted.bad_req_count;
    }

    pub(crate) fn count_loop(&mut self) {
        self.loop_counter.increment();
    }

    /// Whether packets have come since the last call.
    pub(crate) fn take_news(&mut self) -> bool {
        let has_news = self.has_news();
        self.last_recv_count = Packed::new(self.recv_count);
        has_news
    }

    /// Whether packets have come since the last call of [`take_news`](Self::take_news).
    pub(crate) fn has_news(&self) -> bool {
        self.recv_count > self.last_recv_count()
    }

    /// Counts bytes that have come.
    #[inline]
    pub(crate) fn count_received(&mut self, bytes: usize) {
        self.traffic.add_received(bytes);
    }

    /// Counts bytes that the socket has taken.
    #[inline]
    pub(crate) fn count_sent(&mut self, bytes: usize) {
        self.traffic.add_sent(bytes);
    }

    /// Records that the client was sent a Ping.
    pub(crate) fn set_pinged(&mut self) {
        self.traffic.set_pinged();
    }

    /// Whether a Pong answers the last Ping. From now on that is answered.
    #[inline]
    pub(crate) fn take_pinged(&mut self) -> bool {
        self.traffic.take_pinged()
    }

    /// How metrics count the connection.
    pub(crate) fn census(&self) -> Census {
        self.traffic.census()
    }

    pub(crate) fn set_census(&mut self, census: Census) {
        self.traffic.set_census(census);
    }

    #[inline]
    pub(crate) fn set_last_cmd(&mut self, cmd: u16) {
        self.traffic.set_last_cmd(cmd);
    }

    /// Whether this packet above the packet rate is the first one; only that one is logged.
    pub(crate) fn take_first_excess(&mut self) -> bool {
        self.traffic.take_first_excess()
    }

    /// Takes one of the few log lines that bad input may cost on this connection.
    pub(crate) fn may_log_bad_input(&mut self) -> bool {
        let may = self.bad_input_lines < MAX_BAD_INPUT_LINES;
        self.bad_input_lines = self.bad_input_lines.saturating_add(1);
        may
    }
}
