//! Checks the invariants of the server before and after each turn.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Client;
use super::invariant::{Invariant, Violation};
use super::ledger::{Activity, Ledger};
use super::server::Server;
use super::watch::Watch;
use crate::config::{Config, MAX_LEN};
use crate::moment::Moment;
use crate::reactor::audit::{Audited, BUDGET};
use crate::router::Application;

/// Bytes that may be held for a connection beside a message and the outbox.
const SLACK_BYTES: usize = 64 * 1024;
/// The same where messages are shorter than by default, so that one read can bring many of them.
const SHORT_SLACK_BYTES: usize = 128 * 1024;
/// How long input may be unread, or space unused, before that is a stall: longer than any fault delays an
/// event.
const STALL: Duration = Duration::from_millis(300);
/// A stall also takes more turns than this.
const STALL_TURNS: u64 = 30;
/// The most turns in a row in which nothing happens and hardly any time passes.
const MAX_IDLE_TURNS: u32 = 1000;

/// Since when one connection has made no progress, and its traffic then.
#[derive(Clone, Copy, Debug)]
struct Standstill {
    since: Duration,
    since_turn: u64,
    read: u64,
    written: u64,
}

/// The state that is kept from turn to turn.
#[derive(Debug)]
pub(super) struct Auditor {
    held_limit: usize,
    max_len: usize,
    /// By the number of the client's connection.
    standstills: BTreeMap<u64, Standstill>,
    /// The connections that were audited before the turn, with their slots.
    audited: Vec<(usize, Audited)>,
    /// The earliest deadline.
    due: Moment,
    idle_turns: u32,
    turns: u64,
    began: Duration,
    /// The worker that turns.
    worker: usize,
}

fn fail(invariant: Invariant, seen: String) -> Result<(), Violation> {
    Err(Violation { invariant, seen })
}

impl Auditor {
    pub(super) fn new(config: &Config) -> Self {
        let slack = if config.limits.max_len < MAX_LEN { SHORT_SLACK_BYTES } else { SLACK_BYTES };
        let outbox = config.output.outbox_limit.unwrap_or(usize::MAX / 2);
        Auditor {
            held_limit: config.limits.max_len + outbox + slack,
            max_len: config.limits.max_len,
            standstills: BTreeMap::new(),
            audited: vec![],
            due: Moment::NEVER,
            idle_turns: 0,
            turns: 0,
            began: Duration::ZERO,
            worker: 0,
        }
    }

    /// The numbers of connections that may be stuck. While there are any, turns should not be far apart.
    pub(super) fn suspects(&self) -> impl Iterator<Item = u64> {
        self.standstills.keys().copied()
    }

    /// A client has left.
    pub(super) fn forget(&mut self, number: u64) {
        self.standstills.remove(&number);
    }

    /// Begins a turn of a worker, whose poll begins at that time.
    pub(super) fn begin<S: Application>(&mut self, server: &Server<S>, worker: usize, began: Duration) {
        (self.began, self.worker) = (began, worker);
        self.turns += 1;
        self.due = server.next_at(worker);
        self.audited.clear();
    }

    /// Audits one connection before a turn.
    pub(super) fn look<S: Application>(
        &mut self,
        server: &Server<S>,
        client: &Client,
        now: Duration,
    ) -> Result<(), Violation> {
        let number = client.number();
        let Some(id) = client.connection() else { return Ok(()) };
        let (worker, slot) = (id.worker(), id.slot());
        let Some(audited) = server.audit(worker, slot).filter(|audited| audited.id == id) else {
            self.standstills.remove(&number);
            return Ok(());
        };
        if audited.held_bytes > self.held_limit {
            let seen = format!("{id} holds {} bytes, and may {}", audited.held_bytes, self.held_limit);
            return fail(Invariant::HeldBytes, seen);
        }
        if audited.inflated_bytes > self.max_len + 1 {
            let seen = format!("{id} has inflated to {} bytes", audited.inflated_bytes);
            return fail(Invariant::HeldBytes, seen);
        }
        if audited.armed_at > audited.deadline {
            let seen = format!(
                "the deadline of {id} is {:?}, and its timer {:?}",
                audited.deadline, audited.armed_at
            );
            return fail(Invariant::PollTimeout, seen);
        }
        if worker == self.worker {
            self.due = self.due.min(audited.deadline);
            self.audited.push((slot, audited));
        }
        self.look_for_standstill(client, audited, now)
    }

    fn look_for_standstill(
        &mut self,
        client: &Client,
        audited: Audited,
        now: Duration,
    ) -> Result<(), Violation> {
        let (number, traffic) = (client.number(), client.traffic());
        let input = audited.waits_for_input && client.unread() > 0;
        let output = audited.waits_for_room && client.unused_space();
        if !input && !output {
            self.standstills.remove(&number);
            return Ok(());
        }
        let begin =
            Standstill { since: now, since_turn: self.turns, read: traffic.read, written: traffic.written };
        let seen = self.standstills.entry(number).or_insert(begin);
        if (seen.read, seen.written) != (traffic.read, traffic.written) {
            *seen = begin;
        }
        if self.turns - seen.since_turn > STALL_TURNS && now.saturating_sub(seen.since) > STALL {
            let what = if input { "input is not read" } else { "space is not used" };
            return fail(Invariant::Progress, format!("{}: {what}, since {:?}", audited.id, seen.since));
        }
        Ok(())
    }

    /// Checks the turn that has ended.
    pub(super) fn end<S: Application>(
        &mut self,
        server: &Server<S>,
        activity: &Activity,
        ledger: &Ledger,
        watch: &Watch,
    ) -> Result<(), Violation> {
        if let Some(violation) = watch.take_violation() {
            return Err(violation);
        }
        self.check_books(server, ledger, watch)?;
        self.check_budget(server, activity)?;
        self.check_timeout(activity)?;
        self.check_spin(activity)
    }

    fn check_books<S: Application>(
        &self,
        server: &Server<S>,
        ledger: &Ledger,
        watch: &Watch,
    ) -> Result<(), Violation> {
        if ledger.closed_twice > 0 {
            return fail(
                Invariant::ClosedOnce,
                format!("{} descriptors were closed twice", ledger.closed_twice),
            );
        }
        if ledger.unasked_reads + ledger.unasked_writes > 0 {
            let seen = format!(
                "{} reads and {} writes without an event",
                ledger.unasked_reads, ledger.unasked_writes
            );
            return fail(Invariant::Generations, seen);
        }
        let (needed, open) = (server.descriptors(), ledger.open());
        if open != needed {
            return fail(
                Invariant::ClosedOnce,
                format!("{open} descriptors are open, and {needed} are in use"),
            );
        }
        if !self.turns.is_multiple_of(1 + server.connections() as u64 / 32) {
            return Ok(());
        }
        let opened = watch.open();
        let known = server.opened();
        if opened != known {
            return fail(
                Invariant::OneEnd,
                format!("{known} connections are open, and the application knows {opened}"),
            );
        }
        Ok(())
    }

    fn check_budget<S: Application>(&self, server: &Server<S>, activity: &Activity) -> Result<(), Violation> {
        let done = [
            ("events", activity.events, BUDGET.events),
            ("tries to accept", activity.accepts, BUDGET.accepts),
            ("bytes of one connection", activity.most_read_bytes, BUDGET.read_bytes),
        ];
        for (what, count, budget) in done {
            if count > budget {
                return fail(
                    Invariant::TurnBudget,
                    format!("{count} {what} in one turn, and it may {budget}"),
                );
            }
        }
        for (slot, before) in &self.audited {
            let Some(after) = server.audit(self.worker, *slot).filter(|after| after.id == before.id) else {
                continue;
            };
            let packets = after.packets - before.packets;
            if packets > BUDGET.packets {
                let seen =
                    format!("{packets} packets of {} in one turn, and it may {}", before.id, BUDGET.packets);
                return fail(Invariant::TurnBudget, seen);
            }
        }
        Ok(())
    }

    fn check_timeout(&self, activity: &Activity) -> Result<(), Violation> {
        let Some(timeout) = activity.timeout else {
            return if self.due == Moment::NEVER {
                Ok(())
            } else {
                fail(
                    Invariant::PollTimeout,
                    format!("the poll waits for ever, and something is due at {:?}", self.due),
                )
            };
        };
        let due = Duration::from_millis(self.due.as_ms().min(u64::MAX / 4)).max(self.began);
        // The poll rounds to whole milliseconds.
        if self.began + timeout > due + Duration::from_millis(1) {
            let seen = format!(
                "at {:?} the poll waits for {timeout:?}, and something is due at {due:?}",
                self.began
            );
            return fail(Invariant::PollTimeout, seen);
        }
        Ok(())
    }

    fn check_spin(&mut self, activity: &Activity) -> Result<(), Violation> {
        // Events alone do not count: some are for connections that are gone.
        let did = activity.accepts + activity.read_bytes + activity.written_bytes;
        let is_idle = did == 0
            && activity.waited < Duration::from_millis(1)
            && activity.timeout == Some(Duration::ZERO);
        self.idle_turns = if is_idle { self.idle_turns + 1 } else { 0 };
        if self.idle_turns > MAX_IDLE_TURNS {
            return fail(Invariant::NoSpin, format!("{} turns in a row did nothing", self.idle_turns));
        }
        Ok(())
    }
}
