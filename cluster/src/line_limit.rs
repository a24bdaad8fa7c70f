//! A limit on log lines that other nodes, or NATS, can cause. Each sort of line has an allowance, and what is
//! left out is reported as a count.

use std::collections::BTreeMap;

/// The lines of a sort that may be written at once.
const BURST: u64 = 20;
/// How long an allowance takes to gain a line, in milliseconds.
const LINE_MS: u64 = 1_000;
/// How long lines that were left out are gathered before they are reported, in milliseconds.
const NOTICE_MS: u64 = 1_000;

/// The allowance of each sort of line.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    sorts: BTreeMap<&'static str, Allowance>,
    /// When to report what was left out, if something was.
    notice_at_ms: Option<u64>,
}

#[derive(Debug)]
struct Allowance {
    /// The lines that may be written, in milliseconds that they take to be gained.
    left_ms: u64,
    refilled_at_ms: u64,
    left_out: u64,
}

impl LineLimit {
    /// Whether a line of this sort may be written now. If not it counts as left out.
    pub(crate) fn allows(&mut self, sort: &'static str, now_ms: u64) -> bool {
        let full = Allowance { left_ms: BURST * LINE_MS, refilled_at_ms: now_ms, left_out: 0 };
        let allowance = self.sorts.entry(sort).or_insert(full);
        let gained_ms = now_ms.saturating_sub(allowance.refilled_at_ms);
        allowance.left_ms = allowance.left_ms.saturating_add(gained_ms).min(BURST * LINE_MS);
        allowance.refilled_at_ms = now_ms;
        if let Some(left_ms) = allowance.left_ms.checked_sub(LINE_MS) {
            allowance.left_ms = left_ms;
            return true;
        }
        allowance.left_out += 1;
        self.notice_at_ms.get_or_insert(now_ms.saturating_add(NOTICE_MS));
        false
    }

    /// Writes how many lines were left out, at most once a second.
    pub(crate) fn tell(&mut self, now_ms: u64) {
        for (sort, lines) in self.left_out(now_ms) {
            log::info!(target: crate::LOG, "{lines} more lines about {sort} were left out");
        }
    }

    /// What was left out of each sort, if it is time to report it.
    fn left_out(&mut self, now_ms: u64) -> Vec<(&'static str, u64)> {
        if self.notice_at_ms.is_none_or(|at_ms| now_ms < at_ms) {
            return Vec::new();
        }
        self.notice_at_ms = None;
        let sorts = self.sorts.iter_mut();
        sorts
            .map(|(sort, allowance)| (*sort, std::mem::take(&mut allowance.left_out)))
            .filter(|(_, lines)| *lines > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_burst_and_then_one_line_a_second_of_each_sort() {
        let mut limit = LineLimit::default();
        let mut written = |sort, from_ms, lines| (0..lines).filter(|_| limit.allows(sort, from_ms)).count();
        for (sort, now_ms, lines, expected) in [
            ("a", 0, 1_000, 20),
            ("b", 0, 3, 3),
            ("a", 999, 1_000, 0),
            ("a", 1_000, 1_000, 1),
            ("a", 3_500, 1_000, 2),
            ("a", 4_000, 1_000, 1),
            ("a", 1_000_000, 1_000, 20),
            // Of a clock that goes back.
            ("a", 0, 1, 0),
        ] {
            assert_eq!(written(sort, now_ms, lines), expected, "{sort} at {now_ms}");
        }
    }

    #[test]
    fn what_is_left_out_is_reported_once_a_second() {
        let mut limit = LineLimit::default();
        for sort in ["a", "b", "c"] {
            for _ in 0..if sort == "c" { 20 } else { 120 } {
                limit.allows(sort, 500);
            }
        }
        assert_eq!(limit.left_out(1_499), []);
        assert_eq!(limit.left_out(1_500), [("a", 100), ("b", 100)]);
        assert!(limit.allows("a", 1_500) && !limit.allows("a", 1_501));
        assert_eq!(limit.left_out(2_500), []);
        assert_eq!(limit.left_out(2_501), [("a", 1)]);
        assert_eq!(limit.left_out(10_000), []);
    }
}
