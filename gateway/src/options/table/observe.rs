//! Options: recordings and the log.

use super::super::entry::{Entry, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "record",
        Directory(|o| &mut o.record),
        "",
        "Record connections to files in this directory, which must exist, for sysconn replay; not given: none",
    ),
    entry(
        "record-debugged",
        Switch(|o| &mut o.record_debugged),
        "false",
        "Record only connections under debug (command 9004), from then on",
    ),
    entry(
        "record-limit",
        Size(|o| &mut o.record_limit),
        "1MiB",
        "The longest recording, at least 16KiB; what comes then is left out",
    ),
    entry(
        "log",
        Level(|o| &mut o.log_level),
        "info",
        "The least severe messages that are logged: error, warn, info, debug, trace or off",
    ),
    entry(
        "log-format",
        LogFormat(|o| &mut o.log_format),
        "text",
        "How log lines are written: as text, or each as a JSON object",
    ),
    entry(
        "log-connections",
        LogConnections(|o| &mut o.config.log_connections),
        "200",
        "Log this many refusals, logins and ends of connections a second, of each, and five times as many at once",
    ),
];
