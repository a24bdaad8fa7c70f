//! Options: timers of a connection.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "handshake-timeout",
        Timer(|o| &mut o.config.timers.handshake),
        "10s",
        "Time from accept to a complete upgrade request; 0: no limit",
    ),
    entry(
        "read-timeout",
        Timer(|o| &mut o.config.timers.read),
        "60s",
        "Time until the next frame, and for a whole message; 0: no limit",
    ),
    entry(
        "client-check",
        Timer(|o| &mut o.config.timers.client_check),
        "60s",
        "Close clients that sent no packet for so long; 0: never",
    )
    .in_echo(InEcho::NoEffect),
    entry(
        "account-check",
        Timer(|o| &mut o.config.timers.account_check),
        "300s",
        "Close clients that are not logged in after so long; 0: never",
    )
    .in_echo(InEcho::NoEffect),
    entry(
        "liveness",
        Liveness(|o| &mut o.config.timers.liveness),
        "packets",
        "What the client check takes for a sign of life",
    ),
    entry(
        "ping-interval",
        Timer(|o| &mut o.config.timers.ping_interval),
        "25s",
        "Send a Ping to clients that are silent for so long; 0: never",
    ),
    entry(
        "housekeeping",
        Timer(|o| &mut o.config.timers.housekeeping),
        "180s",
        "How often to give back memory that buffers do not use; 0: never",
    ),
];
