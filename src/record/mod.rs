//! The record of one connection: who the client is, and counters of its traffic.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

mod census;
mod flags;
mod login;
mod packet_rate;
mod traffic;

use crate::config::{MAX_BAD_INPUT_LINES, MAX_BAD_REQUESTS};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::packed::{Packed, PackedMoment};

pub(crate) use census::Census;
pub(crate) use flags::Flag;
pub use login::{ClientKind, Custodian, Identity, Login};
pub(crate) use packet_rate::PacketRate;

use flags::Flags;
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

/// The record of one connection. Handlers read it through their context.
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) id: ConnectionId,
    /// None for a local client, which has no port either.
    ip: Option<IpAddr>,
    port: Packed<2>,
    connected_at: PackedMoment,
    flags: Flags,
    /// Refilled up to the time at which the client last sent anything.
    pub(crate) packet_rate: PacketRate,
    login: Option<Box<Kept>>,
    /// The lower half of [`recv_count`](Self::recv_count) at the last client check.
    last_recv_count: u32,
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
const _: () = assert!(size_of::<Record>() <= 80);

impl Record {
    pub(crate) fn new(id: ConnectionId, peer: Peer, connected_at: Moment) -> Self {
        let mut record = Record {
            id,
            ip: None,
            port: Packed::ZERO,
            connected_at: connected_at.into(),
            flags: Flags::default(),
            packet_rate: PacketRate::default(),
            login: None,
            last_recv_count: 0,
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
        self.flags.kind()
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
    #[inline]
    pub fn recv_count(&self) -> u64 {
        self.traffic.packets_in()
    }

    /// [`recv_count`](Self::recv_count) at the last client check.
    #[must_use]
    pub fn last_recv_count(&self) -> u64 {
        let since = (self.recv_count() as u32).wrapping_sub(self.last_recv_count);
        self.recv_count().saturating_sub(since.into())
    }

    /// Packets sent: written to the socket or waiting for it.
    #[must_use]
    pub fn send_count(&self) -> u64 {
        self.traffic.packets_out()
    }

    /// Packets that could not be sent because the outbox was full, up to 2^20 - 1.
    #[must_use]
    pub fn error_send(&self) -> u64 {
        self.traffic.unsent().into()
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
        self.traffic.bad_requests().into()
    }

    /// Rounds of housekeeping so far, up to 2^20 - 1.
    #[must_use]
    pub fn loop_counter(&self) -> u32 {
        self.traffic.rounds()
    }

    /// Whether each packet in and out is logged.
    #[must_use]
    pub fn debug(&self) -> bool {
        self.has(Flag::LOG)
    }

    /// Whether the connection is watched (debug or a recording): a single test, since each packet needs it.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.has(Flag::WATCHED)
    }

    /// Whether its handlers are watched: as the connection is, or only timed.
    #[inline]
    pub(crate) fn has_watched_handlers(&self) -> bool {
        self.has(Flag::WATCHED_HANDLERS)
    }

    /// Whether `flag` is set.
    #[inline]
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// Sets `flag`, or takes it back.
    #[inline]
    pub(crate) fn set(&mut self, flag: Flag, on: bool) {
        self.flags.set(flag, on);
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
        self.flags.set_kind(login.kind);
        self.login = Some(Box::new(Kept::new(login.identity, login.custodian)));
    }

    /// Logs the client out. Returns the role that it played, if it did.
    pub(crate) fn log_out(&mut self) -> Option<u64> {
        self.flags.set_kind(ClientKind::Guest);
        self.login.take().map(|login| login.role_id())
    }

    /// Counts a packet that did not fit the outbox.
    pub(crate) fn count_send_error(&mut self) {
        self.count_send_errors(1);
    }

    /// Counts packets that did not fit the outbox.
    pub(crate) fn count_send_errors(&mut self, packets: u32) {
        self.traffic.set_unsent(self.traffic.unsent().saturating_add(packets));
    }

    /// Counts a bad request. Returns whether it is one too many.
    pub(crate) fn count_bad_request(&mut self) -> bool {
        self.traffic.set_bad_requests(self.traffic.bad_requests().saturating_add(1));
        self.bad_req_count() > MAX_BAD_REQUESTS
    }

    /// The counters that decide what the connection does, for a recording that begins in the middle.
    pub(crate) fn counted(&self) -> Counted {
        Counted {
            role_id: self.role_id(),
            kind: self.kind(),
            recv_count: self.recv_count(),
            send_count: self.send_count(),
            last_recv_count: self.last_recv_count(),
            loop_counter: self.loop_counter(),
            error_send: self.traffic.unsent(),
            bad_req_count: self.traffic.bad_requests(),
        }
    }

    /// Takes over counters of a recording.
    pub(crate) fn go_on_from(&mut self, counted: Counted) {
        let Counted { role_id, kind, .. } = counted;
        if role_id != 0 {
            let identity = Identity { role_id, ..Identity::default() };
            self.log_in(Login { identity, kind, ..Login::default() });
        }
        self.traffic.set_packets(counted.recv_count, counted.send_count);
        self.last_recv_count = counted.last_recv_count as u32;
        self.traffic.set_rounds(counted.loop_counter);
        self.traffic.set_unsent(counted.error_send);
        self.traffic.set_bad_requests(counted.bad_req_count);
    }

    /// Counts a packet as received.
    #[inline]
    pub(crate) fn count_packet_in(&mut self) {
        self.traffic.add_packet_in();
    }

    /// Counts a packet as sent.
    #[inline]
    pub(crate) fn count_packet_out(&mut self) {
        self.traffic.add_packets_out(1);
    }

    /// Counts packets that were sent.
    #[inline]
    pub(crate) fn count_packets_out(&mut self, packets: usize) {
        self.traffic.add_packets_out(packets as u64);
    }

    pub(crate) fn count_loop(&mut self) {
        self.traffic.set_rounds(self.traffic.rounds().saturating_add(1));
    }

    /// Whether packets have come since the last call.
    pub(crate) fn take_news(&mut self) -> bool {
        let has_news = self.has_news();
        self.last_recv_count = self.recv_count() as u32;
        has_news
    }

    /// Whether packets have come since the last call of [`take_news`](Self::take_news).
    pub(crate) fn has_news(&self) -> bool {
        // No client sends 2^32 packets from one check to the next.
        self.recv_count() as u32 != self.last_recv_count
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
        let lines = self.traffic.lines();
        self.traffic.set_lines(lines.saturating_add(1));
        lines < MAX_BAD_INPUT_LINES
    }
}
