//! Ending the server: nobody comes in, everybody is told to go, at a pace that others can follow.

use super::core::Core;
use crate::cause::Cause;
use crate::config::Config;
use crate::id::ConnectionId;
use crate::moment::{Moment, whole_ms};
use crate::router::Application;

/// Clients that are told to go in one turn, whatever the pace.
const TURN_CLOSES: usize = 1024;

/// How far draining has come.
#[derive(Debug)]
pub(super) struct Drain {
    timeout_ms: u64,
    /// Clients per second; 0 for all at once.
    rate: u64,
    progress: Option<Progress>,
}

#[derive(Debug)]
struct Progress {
    began_at: Moment,
    /// Those that have not been told yet.
    waiting: Vec<ConnectionId>,
    told: u64,
}

impl Drain {
    pub(super) fn new(config: &Config) -> Self {
        Drain {
            timeout_ms: whole_ms(config.drain_timeout),
            rate: u64::from(config.drain_rate),
            progress: None,
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.progress.is_some()
    }

    /// When the next client is to be told, or the time is up.
    pub(super) fn next_at(&self) -> Moment {
        let Some(progress) = &self.progress else { return Moment::NEVER };
        let timeout_at = progress.began_at.after(self.timeout_ms);
        if progress.waiting.is_empty() {
            return timeout_at;
        }
        // How long until one more than have been told may have been: rounded up, or the turn that
        // follows would come too early and find nothing to do.
        let next_ms = if self.rate == 0 { 1 } else { ((progress.told + 1) * 1000).div_ceil(self.rate) };
        timeout_at.min(progress.began_at.after(next_ms))
    }

    /// How many may be told now.
    fn allowance(&self, now: Moment) -> usize {
        let Some(progress) = &self.progress else { return 0 };
        let earned = if self.rate == 0 {
            u64::MAX
        } else {
            now.since(progress.began_at).saturating_mul(self.rate) / 1000
        };
        usize::try_from(earned.saturating_sub(progress.told)).unwrap_or(usize::MAX).min(TURN_CLOSES)
    }
}

impl<S: Application> Core<S> {
    /// Closes the listeners and begins to tell clients to go. Doing it twice changes nothing.
    pub(super) fn begin_drain(&mut self) {
        if self.drain.has_begun() {
            return;
        }
        log::info!("draining {} connections", self.slots.len());
        self.listeners.close();
        self.lent.draining = true;
        let waiting = self.slots.ids().collect();
        self.drain.progress = Some(Progress { began_at: self.now, waiting, told: 0 });
    }

    /// Tells as many clients to go as the pace allows, and gives up on all when the time is up.
    pub(super) fn drain(&mut self) {
        for _ in 0..self.drain.allowance(self.now) {
            let Some(progress) = &mut self.drain.progress else { return };
            let Some(id) = progress.waiting.pop() else { break };
            progress.told += 1;
            self.call(id, |entry, env| entry.conn.close(Cause::GoingAway, env));
        }
        let timed_out = self
            .drain
            .progress
            .as_ref()
            .is_some_and(|progress| progress.began_at.after(self.drain.timeout_ms) <= self.now);
        if timed_out && !self.slots.is_empty() {
            log::warn!("{} connections did not end in time", self.slots.len());
            self.give_up();
        }
    }

    /// A last Close to those that have not been told, and the end of all.
    fn give_up(&mut self) {
        let ids: Vec<_> = self.slots.ids().collect();
        for &id in &ids {
            self.call(id, |entry, env| entry.conn.close(Cause::GoingAway, env));
        }
        self.write_gathered();
        for id in ids {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.conn.abort(Cause::GoingAway);
                self.finish(id);
            }
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drain.has_begun() && self.slots.is_empty()
    }
}
