//! Ending the server: who waits to come in is turned away, everybody is told to go, at a pace that others can
//! follow.

use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use crate::cause::Cause;
use crate::config::Config;
use crate::conn::Draining;
use crate::id::ConnectionId;
use crate::moment::{Moment, whole_ms};
use crate::router::Application;

/// Clients that are told to go in one turn, whatever the pace.
const TURN_CLOSES: usize = 1024;
/// Milliseconds in which those who wait to be accepted are still accepted, and answered with 503.
const ACCEPT_MS: u64 = 1000;

/// The end of the server, and how far it has come.
#[derive(Debug)]
pub(super) struct Drain {
    delay_ms: u64,
    timeout_ms: u64,
    /// Clients per second, of all workers together; 0 for all at once.
    rate: u64,
    /// The number of this worker, and how many there are: of the clients that may be told, one after the
    /// other, each worker tells one in turn.
    worker: u64,
    workers: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Serving,
    /// It drains from then on.
    Announced(Moment),
    Begun(Progress),
}

#[derive(Debug)]
struct Progress {
    began_at: Moment,
    /// Those that have not been told yet.
    waiting: Vec<ConnectionId>,
    told: u64,
}

impl Drain {
    pub(super) fn new(config: &Config, worker: usize, workers: usize) -> Self {
        Drain {
            delay_ms: whole_ms(config.drain_delay),
            timeout_ms: whole_ms(config.drain_timeout),
            rate: u64::from(config.drain_rate),
            worker: worker as u64,
            workers: workers as u64,
            stage: Stage::Serving,
        }
    }

    fn progress(&self) -> Option<&Progress> {
        match &self.stage {
            Stage::Begun(progress) => Some(progress),
            Stage::Serving | Stage::Announced(_) => None,
        }
    }

    fn progress_mut(&mut self) -> Option<&mut Progress> {
        match &mut self.stage {
            Stage::Begun(progress) => Some(progress),
            Stage::Serving | Stage::Announced(_) => None,
        }
    }

    /// When draining begins, listeners are closed whoever waits there, the next client is to be told, or the
    /// time is up; never once nothing is left of all this.
    pub(super) fn next_at(&self, listens: bool, all_gone: bool) -> Moment {
        let progress = match &self.stage {
            Stage::Serving => return Moment::NEVER,
            Stage::Announced(begins_at) => return *begins_at,
            Stage::Begun(progress) => progress,
        };
        let accepts_until = if listens { progress.began_at.after(ACCEPT_MS) } else { Moment::NEVER };
        if all_gone {
            return accepts_until;
        }
        let timeout_at = progress.began_at.after(self.timeout_ms).min(accepts_until);
        if progress.waiting.is_empty() {
            return timeout_at;
        }
        // How long until one more than have been told may have been: rounded up, or the turn that
        // follows would come too early and find nothing to do.
        let number = progress.told * self.workers + self.worker + 1;
        let next_ms = if self.rate == 0 { 1 } else { (number * 1000).div_ceil(self.rate) };
        timeout_at.min(progress.began_at.after(next_ms))
    }

    /// How many may be told now.
    fn allowance(&self, now: Moment) -> usize {
        let Some(progress) = self.progress() else { return 0 };
        let earned = if self.rate == 0 {
            u64::MAX
        } else {
            let by_all = now.since(progress.began_at).saturating_mul(self.rate) / 1000;
            by_all.saturating_add(self.workers - 1 - self.worker) / self.workers
        };
        usize::try_from(earned.saturating_sub(progress.told)).unwrap_or(usize::MAX).min(TURN_CLOSES)
    }
}

impl<S: Application> Core<S> {
    /// Announces the end, and begins with it after the drain delay. Doing it twice changes nothing.
    pub(super) fn announce_drain(&mut self) {
        if !matches!(self.drain.stage, Stage::Serving) {
            return;
        }
        if self.drain.delay_ms == 0 {
            return self.begin_drain();
        }
        log::info!("draining in {} ms: health checks fail from now on", self.drain.delay_ms);
        self.lent.draining = Draining::Announced;
        self.drain.stage = Stage::Announced(self.now.after(self.drain.delay_ms));
    }

    /// Begins to turn away those who wait to be accepted, and to tell the others to go.
    fn begin_drain(&mut self) {
        log::info!("draining {} connections", self.slots.len());
        self.lent.draining = Draining::Begun;
        self.listeners.accept_the_last();
        let waiting = self.slots.ids().collect();
        self.drain.stage = Stage::Begun(Progress { began_at: self.now, waiting, told: 0 });
    }

    /// Tells as many clients to go as the pace allows, and gives up on all when the time is up.
    pub(super) fn drain(&mut self) {
        if matches!(self.drain.stage, Stage::Announced(begins_at) if begins_at <= self.now) {
            self.begin_drain();
        }
        for done in 0..self.drain.allowance(self.now) {
            if !self.turn.allows(Step::FanOut, done) {
                break;
            }
            let Some(progress) = self.drain.progress_mut() else { return };
            let Some(id) = progress.waiting.pop() else { break };
            progress.told += 1;
            self.tell_to_go(id);
            self.turn.charge(STEP_BYTES);
        }
        let Some(began_at) = self.drain.progress().map(|progress| progress.began_at) else { return };
        let timed_out = began_at.after(self.drain.timeout_ms) <= self.now;
        if (timed_out || began_at.after(ACCEPT_MS) <= self.now) && !self.listeners.are_closed() {
            log::warn!("clients that still wait to be accepted are cut off");
            self.listeners.close();
        }
        if timed_out && !self.slots.is_empty() {
            log::warn!("{} connections did not end in time", self.slots.len());
            self.give_up();
        }
    }

    /// Tells one client to go. One whose TLS handshake is not complete is told then.
    fn tell_to_go(&mut self, id: ConnectionId) {
        if self.slots.get(id).is_some_and(|entry| !entry.socket.answers_later()) {
            self.call(id, |entry, env| entry.conn.close(Cause::GoingAway, env));
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
        self.drain.progress().is_some() && self.listeners.are_closed() && self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_tell_as_many_together_as_one_would() {
        let config = Config { drain_rate: 7, ..Config::default() };
        for workers in [1, 2, 3, 10] {
            let mut drains: Vec<_> =
                (0..workers).map(|worker| Drain::new(&config, worker, workers)).collect();
            for drain in &mut drains {
                let waiting = vec![ConnectionId::from_u64(0)];
                drain.stage = Stage::Begun(Progress { began_at: Moment::START, waiting, told: 0 });
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
                    let progress = drain.progress_mut().unwrap();
                    progress.told += more;
                    told += progress.told;
                    assert!(drain.next_at(false, false) > now);
                }
                assert_eq!(told, ms * 7 / 1000, "{workers} workers after {ms} ms");
            }
        }
    }
}
