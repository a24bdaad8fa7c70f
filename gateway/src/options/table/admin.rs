//! The options of the admin server, and of the watchdog that it has.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "admin",
        OneAddress(|o| &mut o.admin.listen),
        "",
        "Serve metrics, health checks and an API for operators by HTTP at this address; not given: nowhere",
    )
    .in_echo(InEcho::Absent),
    entry(
        "admin-token-file",
        File(|o| &mut o.admin.token_file),
        "",
        "The token for --admin is the one line of this file; not given: it takes no POST, and shows nothing off loopback",
    )
    .in_echo(InEcho::Absent),
    entry(
        "stall-warning",
        Timer(|o| &mut o.admin.stall_warning),
        "50ms",
        "With --admin, log and count a turn of a worker that takes this long, while it lasts; 0: never",
    )
    .in_echo(InEcho::Absent),
];
