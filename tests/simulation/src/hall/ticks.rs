//! Whether ticks are called on their grid, each point once.

use std::time::Duration;

use sysconn::Tick;

use super::calls::MAX_WORKERS;

/// The ticks of all workers so far.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// `None`: there are none, or they are not checked any more.
    pub(super) period: Option<Duration>,
    /// Whether steps of a turn take no time, so that lateness is exact.
    pub(super) is_exact: bool,
    /// The last tick of each worker, by its number.
    last: [u64; MAX_WORKERS],
    /// The worker whose turn it is.
    turning: Option<usize>,
    /// The tick of this turn.
    now: Option<Tick>,
}

impl Ticks {
    /// A worker is called to tick.
    pub(super) fn tick(&mut self, worker: usize, tick: Tick) -> Result<(), String> {
        let last = std::mem::replace(&mut self.last[worker], tick.number);
        if tick.number <= last || tick.missed != tick.number - last - 1 {
            return Err(format!("worker {worker}: {tick:?} after the tick {last}"));
        }
        match self.now.replace(tick) {
            // The last turns of a simulation do not begin with a call of the game.
            Some(before) if self.period.is_some() => {
                Err(format!("worker {worker}: {tick:?} in one turn with {before:?}"))
            }
            _ => Ok(()),
        }
    }

    /// A worker begins a turn; the turn before it ended at this time. The grid began with the network.
    pub(super) fn begin_turn(&mut self, worker: usize, now: Duration) -> Result<(), String> {
        let (tick, turned) = (self.now.take(), self.turning.replace(worker));
        let (Some(period), Some(turned)) = (self.period, turned) else { return Ok(()) };
        let point = (now.as_nanos() / period.as_nanos()) as u64;
        let last = self.last[turned];
        if last != point {
            return Err(format!(
                "at {now:?} worker {turned} has ticked {last} times in {period:?}, not {point}"
            ));
        }
        let late = now - period * point as u32;
        match tick {
            Some(tick) if self.is_exact && tick.late != late => Err(format!("{tick:?} is {late:?} late")),
            _ => Ok(()),
        }
    }
}
