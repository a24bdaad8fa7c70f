//! All loads, in four groups.

use crate::loads::Load;
use crate::loads::LoadKind::{
    self, Churn, Closed, Handshake, Idle, Instructions, Mixed, Open, Push, States, Tail, Workers,
};
use crate::mode::Mode::{self, Dedicated, Plain, Shared, Tls};

const ONE: LoadKind = Closed { depth: 1 };
const FOUR: LoadKind = Closed { depth: 4 };
const SIXTEEN: LoadKind = Closed { depth: 16 };
const STATES: LoadKind = States { depth: 16 };
const KIB: usize = 1024;

const PLAIN: [Load; 14] = [
    plain("one", 1, 32, ONE, "one in flight"),
    plain("small", 100, 32, ONE, "one in flight"),
    plain("pipelined", 100, 32, SIXTEEN, "16 in flight"),
    plain("many", 1000, 128, ONE, "one in flight"),
    plain("kib", 100, KIB, ONE, "one in flight"),
    plain("medium", 16, 16 * KIB, FOUR, "4 in flight"),
    plain("large", 4, 256 * KIB, ONE, "one in flight"),
    plain("open20", 100, 64, Open { share: 0.2 }, "at 20% of the bare echo's rate"),
    plain("open60", 100, 64, Open { share: 0.6 }, "at 60% of the bare echo's rate"),
    plain("churn", 50, 32, Churn, "that connect, upgrade, get one echo, and close"),
    plain("idle", 10_000, 32, Idle, "that come, send one packet, and stay"),
    plain("instructions-one", 1, 32, Instructions { depth: 1 }, "one in flight: instructions"),
    plain("instructions-1", 20, 32, Instructions { depth: 1 }, "one in flight: instructions"),
    plain("instructions-16", 20, 32, Instructions { depth: 16 }, "16 in flight: instructions"),
];

const GAME: [Load; 4] = [
    load("game", "tail50", 100, 64, Tail { share: 0.5 }, Plain, "at 50% of the reference's rate"),
    load("game", "tail80", 100, 64, Tail { share: 0.8 }, Plain, "at 80% of the reference's rate"),
    load("game", "mixed", 200, 32, Mixed, Mode::Push, "input at 60 Hz, and a state of 120 B at 20 Hz to all"),
    load(
        "game",
        "workers",
        100,
        32,
        Workers { depth: 16 },
        Plain,
        "16 in flight; load and server on two cores",
    ),
];

const TLS: [Load; 6] = [
    tls("tls-small", 100, 32, ONE, "one in flight"),
    tls("tls-pipelined", 100, 32, SIXTEEN, "16 in flight"),
    tls("tls-1k", 100, KIB, ONE, "one in flight"),
    tls("tls-16k", 16, 16 * KIB, ONE, "one in flight"),
    tls("tls-handshake", 50, 32, Handshake, "that connect with a full handshake, upgrade, and close"),
    tls("tls-idle", 2000, 32, Idle, "that come, send one packet, and stay"),
];

const MESSAGES: [Load; 8] = [
    messages("shared-200", 100, 200, STATES, Shared, "JSON, 16 in flight, compressed"),
    messages("shared-2k", 100, 2 * KIB, STATES, Shared, "JSON, 16 in flight, compressed"),
    messages("dedicated-200", 100, 200, STATES, Dedicated, "JSON, 16 in flight, compressed with windows"),
    messages("dedicated-2k", 100, 2 * KIB, STATES, Dedicated, "JSON, 16 in flight, compressed with windows"),
    messages("dedicated-idle", 200, 2 * KIB, Idle, Dedicated, "JSON, that come, send one packet, and stay"),
    messages("push", 1000, 64, Push { speakers: 1, texts: 1 }, Mode::Push, "to all, one at a time"),
    messages("row16", 1000, 64, Push { speakers: 1, texts: 16 }, Mode::Push, "to all, 16 in a row by one"),
    messages(
        "at-once16",
        1000,
        64,
        Push { speakers: 16, texts: 1 },
        Mode::Push,
        "to all, one each by 16 at once",
    ),
];

/// The rate of a server under this load is the maximum for open loads.
pub const MAXIMUM: Load = plain("maximum", 100, 64, ONE, "one in flight");

/// All of them.
pub fn loads() -> impl Iterator<Item = Load> {
    PLAIN.into_iter().chain(GAME).chain(TLS).chain(MESSAGES)
}

const fn plain(name: &'static str, clients: usize, size: usize, kind: LoadKind, note: &'static str) -> Load {
    load("plain", name, clients, size, kind, Plain, note)
}

const fn tls(name: &'static str, clients: usize, size: usize, kind: LoadKind, note: &'static str) -> Load {
    load("tls", name, clients, size, kind, Tls, note)
}

const fn messages(
    name: &'static str,
    clients: usize,
    size: usize,
    kind: LoadKind,
    mode: Mode,
    note: &'static str,
) -> Load {
    load("messages", name, clients, size, kind, mode, note)
}

const fn load(
    group: &'static str,
    name: &'static str,
    clients: usize,
    size: usize,
    kind: LoadKind,
    mode: Mode,
    note: &'static str,
) -> Load {
    Load { name, group, clients, size, kind, mode, note }
}
