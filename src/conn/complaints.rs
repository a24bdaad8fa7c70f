//! Log lines about what clients do wrong, few enough that no client can flood the log.

use std::fmt;

use log::Level;

use crate::moment::Moment;

/// Lines of one kind that may be written at once.
const BURST: u32 = 20;
/// Milliseconds after which one more line of a kind may be written.
const REFILL_MS: u64 = 1000;

/// What a line is about. Each kind has an allowance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A refused upgrade.
    Upgrade,
    /// A violation of RFC 6455.
    Protocol,
    /// A bad packet or request.
    Packet,
    /// A handler or hook that panicked.
    Panic,
}

const KINDS: [Kind; 4] = [Kind::Upgrade, Kind::Protocol, Kind::Packet, Kind::Panic];

#[derive(Clone, Copy, Debug)]
struct Allowance {
    lines: u32,
    refilled_at: Moment,
    suppressed: u64,
}

/// The allowances of one reactor.
#[derive(Debug)]
pub(crate) struct Complaints {
    allowances: [Allowance; KINDS.len()],
}

impl Complaints {
    pub(crate) fn new() -> Self {
        let full = Allowance { lines: BURST, refilled_at: Moment::START, suppressed: 0 };
        Complaints { allowances: [full; KINDS.len()] }
    }

    /// Writes the line, or counts it among those that were left out.
    pub(crate) fn line(&mut self, kind: Kind, now: Moment, line: fmt::Arguments<'_>) {
        let level = if kind == Kind::Panic { Level::Error } else { Level::Info };
        if let Some(suppressed) = self.take(kind, now) {
            log::log!(level, "{line}");
            if suppressed > 0 {
                log::log!(level, "{suppressed} lines like this one were left out before it");
            }
        }
    }

    /// Takes a line from the allowance: how many were left out since the last one, or none if this
    /// one is left out too.
    fn take(&mut self, kind: Kind, now: Moment) -> Option<u64> {
        let allowance = self.allowances.get_mut(KINDS.iter().position(|&other| other == kind)?)?;
        let earned = now.since(allowance.refilled_at) / REFILL_MS;
        if earned > 0 {
            allowance.lines =
                BURST.min(allowance.lines.saturating_add(u32::try_from(earned).unwrap_or(BURST)));
            allowance.refilled_at = now;
        }
        if allowance.lines == 0 {
            allowance.suppressed += 1;
            return None;
        }
        allowance.lines -= 1;
        Some(std::mem::take(&mut allowance.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_line_a_second_and_none_uncounted() {
        let mut complaints = Complaints::new();
        let mut take = |kind, ms| complaints.take(kind, Moment::from_ms(ms));
        let written = (0..1000).filter(|_| take(Kind::Protocol, 0).is_some()).count();
        assert_eq!(written, BURST as usize);
        assert_eq!(take(Kind::Packet, 0), Some(0), "other kinds are not touched");
        assert_eq!(take(Kind::Protocol, 999), None);
        assert_eq!(take(Kind::Protocol, 1000), Some(1000 - u64::from(BURST) + 1));
        assert_eq!(take(Kind::Protocol, 1001), None);
        assert_eq!(take(Kind::Protocol, 3_600_000), Some(1));
    }
}
