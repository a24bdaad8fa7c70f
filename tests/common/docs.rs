//! Tables of docs/protocol.md, which tests compare with the code (tests/causes.rs).

use std::collections::BTreeSet;

pub(crate) const PROTOCOL: &str = include_str!("../../docs/protocol.md");

/// The cells of each row of the table that begins with this head; none if there is no such table.
pub(crate) fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PROTOCOL.split_once(head).unwrap_or_default();
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Numbers in one column of a table.
fn numbers(head: &str, column: usize) -> BTreeSet<u16> {
    table(head).iter().filter_map(|row| row[column].parse().ok()).collect()
}

/// The close codes that the server itself can send first.
pub(crate) fn close_codes() -> BTreeSet<u16> {
    numbers("| Cause | Close code | Reconnect |", 1)
}

/// The statuses of refusals that are not the application's.
pub(crate) fn statuses() -> BTreeSet<u16> {
    numbers("| Status | Reconnect |", 0)
}
