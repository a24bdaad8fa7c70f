//! Options: the HTTP request that opens a connection.

use super::super::entry::{Entry, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "health-path",
        OnePath(|o| &mut o.config.upgrade.health_path),
        "",
        "Answer GET and HEAD for this path 200, also when full, or 503 while draining; not given: no health checks",
    ),
    entry(
        "path",
        Paths(|o| &mut o.config.upgrade.paths),
        "",
        "Serve this path, or with /* at its end all below, and answer others 404; none given: all paths",
    ),
    entry(
        "origin",
        Origins(|o| &mut o.config.upgrade.origins),
        "",
        "Serve web pages of this origin, or of all hosts below https://*.HOST, and answer others 403; none given: any",
    ),
    entry(
        "subprotocol",
        Subprotocols(|o| &mut o.config.upgrade.subprotocols),
        "",
        "Speak this subprotocol, if the client offers it",
    ),
    entry(
        "subprotocol-required",
        Switch(|o| &mut o.config.upgrade.subprotocol_required),
        "false",
        "Answer 400 to clients that offer no subprotocol of the list; otherwise they go on without one",
    ),
];
