//! Log lines about failures, at most 20 of a level at once and then one a second, since each login can cause
//! one.

use std::sync::Mutex;
use std::time::Instant;

use log::Level;

use super::lock;
use crate::line_allowance::LineAllowance;
use crate::tally::Tally;

const TARGET: &str = "sysconn::wechat";
/// The allowances of lines, which all threads share.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Errors are the operator's to repair, and no client may hide them behind warnings that it causes.
    errors: Mutex<LineAllowance>,
    others: Mutex<LineAllowance>,
}

impl Report {
    /// Takes a line of a level. `None` if there is none left; otherwise how many were left out before it.
    fn take(&self, level: Level, now: Instant) -> Option<u64> {
        lock(if level == Level::Error { &self.errors } else { &self.others }).take(now)
    }

    /// Writes a line if the allowance has one left, and how many it has left out before.
    pub(super) fn write(&self, level: Level, now: Instant, line: &str) {
        match self.take(level, now) {
            None => Tally::LinesOfWechat.count(),
            Some(0) => log::log!(target: TARGET, level, "{line}"),
            Some(left_out) => {
                log::log!(target: TARGET, level, "{line} ({left_out} lines like this were left out before)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line_allowance::BURST;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn warnings_leave_errors_their_lines() {
        let (report, now) = (Report::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(report.take(Level::Warn, now), Some(0));
        }
        assert_eq!(report.take(Level::Warn, now), None);
        assert_eq!(report.take(Level::Error, now), Some(0));
    }
}
