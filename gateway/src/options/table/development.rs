//! Options: for those who develop and test.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "diagnostics",
        Switch(|o| &mut o.diagnostics),
        "false",
        "Serve the commands 1106, whose handler panics, and 1107, whose handler blocks its worker",
    )
    .in_echo(InEcho::Absent),
    entry(
        "dev",
        Switch(|o| &mut o.dev),
        "false",
        "For development, on loopback addresses only: a page to try the server with, and a log of each packet",
    )
    .in_echo(InEcho::Absent),
    entry(
        "dev-listen",
        Loopback(|o| &mut o.dev_listen),
        "127.0.0.1:9003",
        "The page of --dev is at this address; port 0 asks the system for a free one",
    )
    .in_echo(InEcho::Absent),
];
