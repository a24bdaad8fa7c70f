//! What is known of one connection: who it is, and what it has sent and been sent.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::id::ConnectionId;
use crate::moment::Moment;

/// What kind of client it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing better is known: every connection before its login.
    #[default]
    Tester,
    /// A game client.
    GameServer,
    /// An operator's tool, which may call the routes for monitors.
    Monitor,
}

/// Who a logged-in connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The account's name.
    pub account: String,
    /// The platform that the account comes from.
    pub platform: String,
    /// The game zone.
    pub zone_id: u32,
    /// The role that is played; never 0.
    pub role_id: u64,
}

/// Who acts on behalf of a role: support staff, or the owner of a hosted account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custodian {
    /// The custodian's account.
    pub account: String,
    /// The custodian's role.
    pub role_id: u64,
}

/// All that a login says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub identity: Identity,
    /// What kind of client it is.
    pub kind: Kind,
    /// Who acts for it, if somebody does.
    pub custodian: Option<Custodian>,
}

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
    pub(crate) peer: Peer,
    pub(crate) connected_at: Moment,
    pub(crate) login: Option<Box<Login>>,
    pub(crate) recv_count: u64,
    pub(crate) last_recv_count: u64,
    pub(crate) send_count: u64,
    pub(crate) error_send: u64,
    pub(crate) bad_req_count: u32,
    pub(crate) loop_counter: u32,
    pub(crate) bad_input_lines: u8,
    pub(crate) debug: bool,
}

impl Record {
    pub(crate) fn new(id: ConnectionId, peer: Peer, connected_at: Moment) -> Self {
        Record {
            id,
            peer,
            connected_at,
            login: None,
            recv_count: 0,
            last_recv_count: 0,
            send_count: 0,
            error_send: 0,
            bad_req_count: 0,
            loop_counter: 0,
            bad_input_lines: 0,
            debug: false,
        }
    }

    /// The connection's name.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Where the client connects from.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// When the connection was accepted.
    #[must_use]
    pub fn connected_at(&self) -> Moment {
        self.connected_at
    }

    /// What kind of client it is: [`Kind::Tester`] until a login says otherwise.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.login.as_ref().map_or(Kind::Tester, |login| login.kind)
    }

    /// Who it is, once it has logged in.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.login.as_ref().map(|login| &login.identity)
    }

    /// Who acts on behalf of it, if somebody does.
    #[must_use]
    pub fn custodian(&self) -> Option<&Custodian> {
        self.login.as_ref().and_then(|login| login.custodian.as_ref())
    }

    /// The role that is played; 0 means not logged in.
    #[must_use]
    pub fn role_id(&self) -> u64 {
        self.identity().map_or(0, |identity| identity.role_id)
    }

    /// Packets received, the one in hand included: its sequence number, from 1.
    #[must_use]
    pub fn recv_count(&self) -> u64 {
        self.recv_count
    }

    /// [`recv_count`](Self::recv_count) at the last client check.
    #[must_use]
    pub fn last_recv_count(&self) -> u64 {
        self.last_recv_count
    }

    /// Packets sent: written to the socket or waiting for it.
    #[must_use]
    pub fn send_count(&self) -> u64 {
        self.send_count
    }

    /// Packets that could not be sent because the outbox was full.
    #[must_use]
    pub fn error_send(&self) -> u64 {
        self.error_send
    }

    /// Bad requests so far.
    #[must_use]
    pub fn bad_req_count(&self) -> u32 {
        self.bad_req_count
    }

    /// Rounds of housekeeping so far.
    #[must_use]
    pub fn loop_counter(&self) -> u32 {
        self.loop_counter
    }

    /// Whether each packet in and out is logged.
    #[must_use]
    pub fn debug(&self) -> bool {
        self.debug
    }

    /// Takes one of the few log lines that bad input may cost on this connection.
    pub(crate) fn may_log_bad_input(&mut self) -> bool {
        let may = self.bad_input_lines < crate::config::MAX_BAD_INPUT_LINES;
        self.bad_input_lines = self.bad_input_lines.saturating_add(1);
        may
    }
}
