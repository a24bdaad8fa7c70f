//! A limit on log lines that other nodes can cause: one a second of each sort.

use std::collections::BTreeMap;

/// How long a sort of line is silent after one, in milliseconds.
const SILENCE_MS: u64 = 1_000;

/// When the next line of each sort may be written.
#[derive(Debug, Default)]
pub(crate) struct LineLimit(BTreeMap<&'static str, u64>);

impl LineLimit {
    /// Whether a line of this sort may be written now.
    pub(crate) fn allows(&mut self, sort: &'static str, now_ms: u64) -> bool {
        let next = self.0.entry(sort).or_default();
        let is_allowed = *next <= now_ms;
        if is_allowed {
            *next = now_ms.saturating_add(SILENCE_MS);
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_second_of_each_sort() {
        let mut limit = LineLimit::default();
        for (sort, now_ms, expected) in
            [("a", 0, true), ("a", 999, false), ("b", 999, true), ("a", 1000, true), ("a", 1500, false)]
        {
            assert_eq!(limit.allows(sort, now_ms), expected, "{sort} at {now_ms}");
        }
    }
}
