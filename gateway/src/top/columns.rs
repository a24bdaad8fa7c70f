//! The columns of the table of connections: their names in the API, their titles, and their cells.

use super::figures::{Connection, number};
use super::numbers::{bytes, count, duration};

/// A column.
pub(super) struct Column {
    /// Its name in the API, by which the server sorts.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The width of its cells.
    pub(super) width: usize,
    /// Text is to the left and takes what width is left over; numbers are to the right.
    pub(super) is_text: bool,
    /// Its importance, 0 first: a narrow terminal shows the first columns only.
    pub(super) rank: usize,
    /// A cell. The second argument is the server's time in Unix milliseconds.
    pub(super) cell: fn(&Connection, u64) -> String,
}

const fn text(
    name: &'static str,
    title: &'static str,
    width: usize,
    rank: usize,
    cell: fn(&Connection, u64) -> String,
) -> Column {
    Column { name, title, width, is_text: true, rank, cell }
}

const fn numeric(
    name: &'static str,
    title: &'static str,
    width: usize,
    rank: usize,
    cell: fn(&Connection, u64) -> String,
) -> Column {
    Column { name, title, width, is_text: false, rank, cell }
}

/// All columns, in the order in which they are shown.
pub(super) static COLUMNS: [Column; 20] = [
    numeric("id", "id", 11, 0, |c, _| c.id.to_string()),
    numeric("worker", "wrk", 3, 10, |c, _| c.worker.to_string()),
    text("peer", "peer", 16, 3, |c, _| c.peer.to_string()),
    text("kind", "kind", 11, 9, |c, _| c.kind.to_string()),
    text("account", "account", 12, 1, |c, _| c.account.to_string()),
    text("platform", "platform", 8, 15, |c, _| c.platform.to_string()),
    numeric("zone_id", "zone", 5, 16, |c, _| c.zone_id.to_string()),
    numeric("role_id", "role", 8, 11, |c, _| c.role_id.to_string()),
    text("custodian", "custodian", 9, 17, |c, _| c.custodian.to_string()),
    numeric("connected_ms", "age", 6, 5, |c, now| duration(now.saturating_sub(number(&c.connected_ms)))),
    numeric("recv_count", "recv", 7, 2, |c, _| count(c.recv_count, 7)),
    numeric("send_count", "sent", 7, 2, |c, _| count(c.send_count, 7)),
    numeric("bytes_received", "in", 7, 7, |c, _| known(c.bytes_received, bytes)),
    numeric("bytes_sent", "out", 7, 7, |c, _| known(c.bytes_sent, bytes)),
    numeric("error_send", "err", 5, 13, |c, _| count(c.error_send, 5)),
    numeric("bad_req_count", "bad", 5, 8, |c, _| count(c.bad_req_count, 5)),
    numeric("last_cmd", "cmd", 5, 4, |c, _| known(c.last_cmd, |cmd| cmd.to_string())),
    numeric("loop_counter", "loop", 7, 18, |c, _| count(c.loop_counter, 7)),
    numeric("outbox_bytes", "outbox", 7, 12, |c, _| bytes(c.outbox_bytes)),
    text("debug", "dbg", 3, 6, |c, _| if c.debug { "on".to_owned() } else { String::new() }),
];

/// A cell that another server may say nothing of.
fn known<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// The columns that fit, each with its width; the one to sort by is always among them.
pub(super) fn fitting(available: usize, sorted: usize) -> Vec<(usize, usize)> {
    let mut by_rank: Vec<usize> = (0..COLUMNS.len()).collect();
    by_rank.sort_by_key(|index| (*index != sorted, rank(*index)));
    let (mut chosen, mut used) = (Vec::new(), 0);
    for index in by_rank {
        let Some(column) = COLUMNS.get(index) else { continue };
        if used + column.width < available + usize::from(chosen.is_empty()) {
            used += column.width + 1;
            chosen.push((index, column.width));
        }
    }
    chosen.sort_unstable();
    let mut left = available.saturating_sub(used);
    // Addresses first, since the longest ones say the least without their end.
    for (name, most) in [("peer", 21), ("id", 20), ("account", 24), ("custodian", 16), ("account", 255)] {
        let wanted = |(index, _): &&mut (usize, usize)| COLUMNS.get(*index).is_some_and(|c| c.name == name);
        if let Some((_, width)) = chosen.iter_mut().find(wanted) {
            let more = left.min(most.max(*width) - *width);
            *width += more;
            left -= more;
        }
    }
    chosen
}

fn rank(index: usize) -> usize {
    COLUMNS.get(index).map_or(usize::MAX, |column| column.rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_fits() {
        for available in [0, 1, 10, 40, 80, 120, 200, 400] {
            for (sorted, column) in COLUMNS.iter().enumerate() {
                let fitting = fitting(available, sorted);
                let used: usize = fitting.iter().map(|(_, width)| width + 1).sum();
                assert!(used <= available.max(column.width + 1) + 1, "{available}: {used}");
                assert!(available < 12 || fitting.iter().any(|(index, _)| *index == sorted), "{available}");
            }
        }
        let names = |available| -> Vec<_> {
            fitting(available, 10).iter().map(|(index, _)| COLUMNS[*index].name).collect()
        };
        assert_eq!(names(400).len(), COLUMNS.len());
        assert_eq!(names(40), ["id", "account", "recv_count", "last_cmd"]);
    }
}
