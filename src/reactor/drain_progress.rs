//! The pace of a drain: its progress, and how many clients may be closed now.

use crate::config::Config;
use crate::id::ConnectionId;
use crate::moment::{Moment, whole_ms};

/// The most clients that one turn tells to go, whatever the pace.
const TURN_CLOSES: usize = 1024;
/// Milliseconds during which waiting clients are still accepted, and answered with 503.
const ACCEPT_MS: u64 = 1000;

/// The stage of the drain, and its pace.
#[derive(Debug)]
pub(super) struct DrainProgress {
    delay_ms: u64,
    timeout_ms: u64,
    /// Clients per second, over all workers together; 0 for no limit.
    rate: u64,
    /// The number of this worker, and how many there are: the workers take turns to tell one client each.
    worker: u64,
    workers: u64,
    stage: DrainStage,
}

#[derive(Debug)]
enum DrainStage {
    Serving,
    /// Draining begins at this time.
    Announced(Moment),
    Begun(Begun),
}

#[derive(Debug)]
struct Begun {
    began_at: Moment,
    /// Connections that have not been told yet.
    waiting: Vec<ConnectionId>,
    told: u64,
}

impl DrainProgress {
    pub(super) fn new(config: &Config, worker: usize, workers: usize) -> Self {
        DrainProgress {
            delay_ms: whole_ms(config.drain.delay),
            timeout_ms: config.drain.timeout.map_or(0, whole_ms),
            rate: config.drain.rate.map_or(0, u64::from),
            worker: worker as u64,
            workers: workers as u64,
            stage: DrainStage::Serving,
        }
    }

    fn begun(&self) -> Option<&Begun> {
        match &self.stage {
            DrainStage::Begun(begun) => Some(begun),
            DrainStage::Serving | DrainStage::Announced(_) => None,
        }
    }

    /// Whether no drain has been announced.
    pub(super) fn is_serving(&self) -> bool {
        matches!(self.stage, DrainStage::Serving)
    }

    /// Whether draining has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun().is_some()
    }

    /// The drain delay.
    pub(super) fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// Schedules the drain to begin after the drain delay.
    pub(super) fn announce(&mut self, now: Moment) {
        self.stage = DrainStage::Announced(now.after(self.delay_ms));
    }

    /// Begins the drain, with these connections to be told.
    pub(super) fn begin(&mut self, now: Moment, waiting: Vec<ConnectionId>) {
        self.stage = DrainStage::Begun(Begun { began_at: now, waiting, told: 0 });
    }

    /// Whether the drain delay is over and draining is to begin.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        matches!(self.stage, DrainStage::Announced(begins_at) if begins_at <= now)
    }

    /// Takes the next connection to close, and counts it.
    pub(super) fn pop_waiting(&mut self) -> Option<ConnectionId> {
        let DrainStage::Begun(begun) = &mut self.stage else { return None };
        let id = begun.waiting.pop()?;
        begun.told += 1;
        Some(id)
    }

    /// Whether the time for accepting waiting clients is over.
    pub(super) fn is_accept_over(&self, now: Moment) -> bool {
        self.begun().is_some_and(|begun| begun.began_at.after(ACCEPT_MS) <= now)
    }

    /// Whether the drain timeout is over.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.begun().is_some_and(|begun| begun.began_at.after(self.timeout_ms) <= now)
    }

    /// The time of the drain's next event: it begins, closes the listeners, tells the next client to go, or
    /// times out. Never, if none of these is left.
    pub(super) fn next_at(&self, listens: bool, all_gone: bool) -> Moment {
        let begun = match &self.stage {
            DrainStage::Serving => return Moment::NEVER,
            DrainStage::Announced(begins_at) => return *begins_at,
            DrainStage::Begun(begun) => begun,
        };
        let accepts_until = if listens { begun.began_at.after(ACCEPT_MS) } else { Moment::NEVER };
        if all_gone {
            return accepts_until;
        }
        let timeout_at = begun.began_at.after(self.timeout_ms).min(accepts_until);
        if begun.waiting.is_empty() {
            return timeout_at;
        }
        // The time until the next client may be told. It is rounded up: otherwise the turn would come too
        // early and find nothing to do.
        let number = begun.told * self.workers + self.worker + 1;
        let next_ms = if self.rate == 0 { 1 } else { (number * 1000).div_ceil(self.rate) };
        timeout_at.min(begun.began_at.after(next_ms))
    }

    /// How many clients may be told to go now.
    pub(super) fn allowance(&self, now: Moment) -> usize {
        let Some(begun) = self.begun() else { return 0 };
        let earned = if self.rate == 0 {
            u64::MAX
        } else {
            let by_all = now.since(begun.began_at).saturating_mul(self.rate) / 1000;
            by_all.saturating_add(self.workers - 1 - self.worker) / self.workers
        };
        usize::try_from(earned.saturating_sub(begun.told)).unwrap_or(usize::MAX).min(TURN_CLOSES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_tell_as_many_together_as_one_would() {
        let config = Config::with(|config| config.drain.rate = Some(7));
        for workers in [1, 2, 3, 10] {
            let mut drains: Vec<_> =
                (0..workers).map(|worker| DrainProgress::new(&config, worker, workers)).collect();
            for drain in &mut drains {
                drain.begin(Moment::START, vec![ConnectionId::from_u64(0)]);
            }
            for ms in 0..3000 {
                let now = Moment::from_ms(ms);
                let mut told = 0;
                for drain in &mut drains {
                    assert!(
                        drain.allowance(now) == 0 || drain.next_at(false, false) == now,
                        "{ms} ms: late or early"
                    );
                    let more = drain.allowance(now) as u64;
                    let DrainStage::Begun(begun) = &mut drain.stage else { unreachable!() };
                    begun.told += more;
                    told += begun.told;
                    assert!(drain.next_at(false, false) > now);
                }
                assert_eq!(told, ms * 7 / 1000, "{workers} workers after {ms} ms");
            }
        }
    }
}
