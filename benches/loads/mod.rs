//! Loads by groups of clients, one kind for each cost that the server's limits count: for `neighbours`, which
//! times another client beside them, and for `turns`.

mod arrivals;
#[path = "../work/empty_blocks.rs"]
mod empty_blocks;
mod flood;
mod replaced;
mod tls;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use arrivals::{Halves, Storm};
use flood::{Flood, Plan};
use replaced::Replaced;
use tls::{Dribble, Handshakes, Records};
use wire::{BURST, ECHO, LONGEST, SINK, deflated, fragments, message, packet, say, text, zlib_packet};

pub(crate) use tls::Certificate;

/// Clients of a kind.
const CLIENTS: usize = 16;
/// Members of the room.
const MEMBERS: usize = 300;
/// Clients that are busy while others come.
const BUSY: usize = 100;
/// Replies that one request of 17 bytes asks for: 510 KB.
const BURST_REPLIES: u16 = 30_000;

/// Clients, and their remaining work.
pub(crate) trait Load {
    /// Goes on in short calls until the system would block. Returns the amount of work; 0: nothing could be
    /// done.
    fn go_on(&mut self) -> usize;

    /// The total work, in the kind's unit.
    fn done(&self) -> u64;

    /// Clients that the server has closed, and that have reconnected.
    fn thrown_out(&self) -> u64 {
        0
    }
}

/// The server's settings for a kind, besides the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Default,
    /// Packets that do not fit an outbox are dropped.
    Drops,
    /// Replies above 1,000 bytes are compressed.
    CompressesReplies,
    /// permessage-deflate, each message by itself.
    Deflates,
    /// permessage-deflate, with a window for each connection.
    KeepsWindows,
    Tls,
    /// Half a second for a request to be complete.
    ShortHandshakes,
}

type Start = Box<dyn Fn(SocketAddr) -> Box<dyn Load> + Send + Sync>;

pub(crate) struct LoadKind {
    pub(crate) name: &'static str,
    pub(crate) setting: Setting,
    /// The unit of work.
    pub(crate) unit: &'static str,
    /// Connects the clients; their sockets are not read until they go on.
    pub(crate) start: Start,
}

impl LoadKind {
    fn new<L: Load + 'static>(
        name: &'static str,
        setting: Setting,
        unit: &'static str,
        start: impl Fn(SocketAddr) -> L + Send + Sync + 'static,
    ) -> Self {
        LoadKind { name, setting, unit, start: Box::new(move |address| Box::new(start(address))) }
    }

    fn flood(name: &'static str, setting: Setting, plan: Plan) -> Self {
        LoadKind::new(name, setting, "B", move |address| Flood::new(address, plan.clone()))
    }
}

/// Clients that send these bytes and read the replies.
fn all(bytes: Vec<u8>) -> Plan {
    Plan { senders: CLIENTS, bytes: Arc::new(bytes), reads: true, ..Plan::default() }
}

/// Clients in a room with many others.
fn in_room(bytes: Vec<u8>) -> Plan {
    Plan { listeners: MEMBERS - CLIENTS, hello: Some(wire::enter), ..all(bytes) }
}

/// All kinds. Those that need TLS use this certificate.
pub(crate) fn kinds(certificate: &Arc<Certificate>) -> Vec<LoadKind> {
    use Setting::{CompressesReplies, Default, Deflates, Drops, KeepsWindows, ShortHandshakes, Tls};
    let raw = |cmd, len, count| packet(cmd, &vec![7; len]).repeat(count);
    let (certificate, for_records) = (certificate.clone(), certificate.clone());
    // A block that fills the window, and as many final blocks as fit a slice.
    let first = empty_blocks::in_blocks(&message(SINK, 0, &text(32_000)), b"");
    let restarts = empty_blocks::in_blocks(&message(SINK, 0, b""), &b"\x03\0".repeat(150));
    let busy = Plan { senders: BUSY, ..all(raw(SINK, 7, 2000)) };
    vec![
        LoadKind::flood("nobody", Default, Plan { reads: true, ..Plan::default() }),
        LoadKind::flood("16 that read nothing", Default, Plan { reads: false, ..all(raw(ECHO, 60_000, 1)) }),
        LoadKind::flood(
            "16 that send fragments of 1 byte",
            Default,
            all(fragments(&message(SINK, 0, &[7; 1000]), 1).repeat(20)),
        ),
        LoadKind::flood("16 that send small packets", Default, all(raw(SINK, 0, 2000))),
        LoadKind::flood("16 that have small packets echoed", Default, all(raw(ECHO, 0, 2000))),
        LoadKind::flood("16 that send 512 KiB", Default, all(raw(SINK, LONGEST, 1))),
        LoadKind::flood("16 that have 512 KiB echoed", Default, all(raw(ECHO, LONGEST, 1))),
        LoadKind::flood(
            "16 that ask for 510 KB in 17 bytes",
            Default,
            all(packet(BURST, &BURST_REPLIES.to_be_bytes()).repeat(200)),
        ),
        LoadKind::flood(
            "16 that send empty blocks by zlib",
            Default,
            all(zlib_packet(SINK, &empty_blocks::zlib(empty_blocks::MOST_BYTES))),
        ),
        LoadKind::flood(
            "16 that send empty blocks by deflate",
            Deflates,
            all(deflated(&empty_blocks::deflate(&message(SINK, 0, b""), empty_blocks::MOST_BYTES))),
        ),
        LoadKind::flood(
            "16 that send final blocks by deflate",
            KeepsWindows,
            all([deflated(&first), deflated(&restarts).repeat(200)].concat()),
        ),
        LoadKind::flood(
            "16 whose replies are compressed by zlib",
            CompressesReplies,
            all(packet(ECHO, &text(500_000))),
        ),
        LoadKind::flood(
            "16 whose replies are compressed by deflate",
            Deflates,
            all(packet(ECHO, &text(500_000))),
        ),
        LoadKind::flood("16 that say 10 B to 300, in a row", Drops, in_room(say(10).repeat(200))),
        LoadKind::flood("16 that say 100 KB to 300", Drops, in_room(say(100_000))),
        LoadKind::new("16 that begin TLS byte by byte", Tls, "B", |address| Dribble::new(address, CLIENTS)),
        LoadKind::new("16 that shake hands again and again", Tls, "conn", move |address| {
            Handshakes::new(address, CLIENTS, &certificate)
        }),
        LoadKind::new("16 that send a byte in each record of TLS", Tls, "records", move |address| {
            Records::new(address, CLIENTS, &for_records)
        }),
        LoadKind::new("16 of which one takes over all roles", Default, "clients", |address| {
            Replaced::new(address, CLIENTS)
        }),
        LoadKind::new("a storm of clients that connect", Default, "conn", Storm::new),
        LoadKind::new(
            "2000 half requests beside 100 that are busy",
            ShortHandshakes,
            "408s",
            move |address| Halves::new(address, busy.clone()),
        ),
    ]
}
