//! The phases of a run, one after the other: connections are opened, send, wait for their last replies, and
//! close.

use std::io;
use std::time::Duration;

use mio::Events;

use super::admin::{Admin, Counted};
use super::connection::{Connection, Standing};
use super::deliveries::Deliveries;
use super::engine::{Engine, MAX_OPENING, TICK, events};
use super::plan::Kind;
use super::process::{Usage, own_cpu, own_wait, usage};
use super::schedule::Schedule;
use super::shared::Shared;
use super::spin::Spin;
use crate::words::plural;

/// Failures before the first connection that end the run: the others would fail too.
const MAX_FAILURES: u64 = 100;

/// How long the server's figures may differ after a run that the user has ended, in nanoseconds.
const PATIENCE: u64 = 2_000_000_000;

/// What was used in the time that was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// Nanoseconds; 0 if the run ended before.
    pub(super) time: u64,
    /// CPU time of this process, in nanoseconds.
    pub(super) own_cpu: u64,
    /// For how long it was ready and had no core, in nanoseconds.
    pub(super) own_wait: u64,
    /// For how long it had nothing to do and did not sleep, in nanoseconds.
    pub(super) spun: u64,
    /// That of the server, and the most memory that it had; `None` without `--pid`, or if it has ended.
    pub(super) server: Option<Usage>,
    pub(super) was_interrupted: bool,
    /// No connection was left to go on with.
    pub(super) ended_early: bool,
}

/// Where the time that is measured begins.
struct Mark {
    time: u64,
    own_cpu: u64,
    own_wait: u64,
    spun: u64,
    server: Option<Usage>,
}

impl Mark {
    fn now(engine: &Engine, pid: Option<u32>) -> Self {
        let (time, server) = (engine.now(), pid.and_then(usage));
        Mark { time, own_cpu: own_cpu(), own_wait: own_wait(), spun: engine.spin.spun, server }
    }

    fn elapsed(&self, engine: &Engine, pid: Option<u32>, most_resident: u64) -> Measured {
        let end = Mark::now(engine, pid);
        let server = self.server.zip(end.server).map(|(before, after)| Usage {
            cpu: after.cpu.saturating_sub(before.cpu),
            resident_bytes: after.resident_bytes.max(most_resident),
        });
        Measured {
            time: end.time.saturating_sub(self.time),
            own_cpu: end.own_cpu.saturating_sub(self.own_cpu),
            own_wait: end.own_wait.saturating_sub(self.own_wait),
            spun: end.spun.saturating_sub(self.spun),
            server,
            ..Measured::default()
        }
    }
}

/// Opens all connections. Returns whether there is one that can send.
pub(super) fn open(engine: &mut Engine) -> io::Result<bool> {
    let (start, mut next, mut events) = (engine.now(), 0, events());
    let mut stand = Standstill::new(start);
    let all = engine.connections.len();
    let ramp = engine.shared.plan.ramp;
    let due = |index: usize| {
        let share = u128::from(ramp) * index as u128 / all.max(1) as u128;
        start.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    };
    loop {
        let now = engine.now();
        // Others would fail too, after a whole timeout of 64 each. A ramp has an end of its own.
        if ramp == 0 && stand.lasts(engine.shared.figures.opened, now) >= engine.shared.plan.timeout {
            give_up_from(next, engine);
            next = all;
        }
        while next < all && due(next) <= now && (ramp > 0 || engine.count(Standing::Opening) < MAX_OPENING) {
            engine.open(next);
            next += 1;
        }
        let failures = engine.shared.figures.failures();
        let is_over = next == all && engine.count(Standing::Opening) == 0;
        let nothing_works = engine.shared.figures.opened == 0 && failures > 0;
        if nothing_works && (is_over || failures >= MAX_FAILURES) {
            if !engine.try_next_address() {
                break;
            }
            restart(engine);
            (next, stand) = (0, Standstill::new(engine.now()));
            continue;
        }
        if is_over || engine.is_interrupted() {
            break;
        }
        engine.turn(if next < all { due(next).max(now + 1) } else { u64::MAX }, &mut events)?;
        if engine.takes_tick() {
            let opened = engine.shared.figures.opened;
            let goal = plural(all, "connection", "connections");
            engine.progress.show(opened, all as u64, &format!("{opened} of {goal} opened"));
        }
    }
    // Those that could not be opened now are not tried again.
    engine.take_ended();
    let busy = engine.shared.plan.connections;
    engine.senders = (0..busy).filter(|index| is_open(engine, *index)).collect();
    for (sender, index) in engine.senders.clone().into_iter().enumerate() {
        engine.act(index, |connection, _| connection.set_sender(sender));
    }
    Ok(!engine.senders.is_empty())
}

/// The time in which no connection is opened.
struct Standstill {
    since: u64,
    opened: u64,
}

impl Standstill {
    fn new(now: u64) -> Self {
        Standstill { since: now, opened: 0 }
    }

    /// How long it has lasted, if so many have been opened by now.
    fn lasts(&mut self, opened: u64, now: u64) -> u64 {
        if opened > self.opened {
            (self.since, self.opened) = (now, opened);
        }
        now.saturating_sub(self.since)
    }
}

/// Connections from this one on are not begun.
fn give_up_from(next: usize, engine: &mut Engine) {
    let figures = &mut engine.shared.figures;
    // If none was opened, the reasons of those that were begun say it all.
    if figures.opened > 0 {
        let within = Duration::from_nanos(engine.shared.plan.timeout);
        for _ in next..engine.connections.len() {
            figures.fail(format!("not tried, since none was opened within {within:?}"));
        }
    }
}

fn is_open(engine: &Engine, index: usize) -> bool {
    engine.connections.get(index).is_some_and(|connection| connection.standing() == Standing::Open)
}

/// All begin anew, with another address.
fn restart(engine: &mut Engine) {
    engine.all(|connection, _| connection.forget());
}

/// Sends for as long as the plan says, and measures.
pub(super) fn load(engine: &mut Engine, pid: Option<u32>) -> io::Result<Measured> {
    let (start, mut events) = (engine.now(), events());
    let (warm, senders) = (start.saturating_add(engine.shared.plan.warmup), engine.senders.len());
    let end = warm.saturating_add(engine.shared.plan.duration);
    engine.shared.figures.window = warm..end;
    // Who ended it while connections were being opened wants no load: rooms have not all their members.
    let is_wanted = !engine.is_interrupted();
    let last = if is_wanted { end } else { start };
    engine.shared.schedule = engine.shared.plan.rate.map(|rate| Schedule::new(start, last, rate, senders));
    engine.shared.is_sending = engine.shared.schedule.is_none() && is_wanted;
    engine.spin = Spin::new();
    for index in engine.senders.clone() {
        engine.act(index, Connection::send);
    }
    let (mut mark, mut most_resident) = (None, 0);
    let ended_early = loop {
        let now = engine.now();
        if mark.is_none() && now >= warm {
            mark = Some(Mark::now(engine, pid));
        }
        let is_gone = engine.is_gone();
        if now >= end || engine.is_interrupted() || is_gone {
            break is_gone && now < end;
        }
        engine.turn(if now < warm { warm } else { end }, &mut events)?;
        replace(engine, true);
        if engine.takes_tick() {
            let resident = pid.and_then(usage).map_or(0, |usage| usage.resident_bytes);
            most_resident = most_resident.max(resident);
            engine.progress.show_load(start, engine.now(), &engine.shared.figures);
        }
    };
    let now = engine.now();
    engine.shared.is_sending = false;
    if let Some(schedule) = &mut engine.shared.schedule {
        schedule.end_at(now);
    }
    let window = &mut engine.shared.figures.window;
    window.end = window.end.min(now.max(window.start));
    let measured = match mark {
        Some(mark) => mark.elapsed(engine, pid, most_resident),
        None => {
            Measured { server: pid.and_then(usage).map(|now| Usage { cpu: 0, ..now }), ..Measured::default() }
        }
    };
    Ok(Measured { was_interrupted: engine.is_interrupted(), ended_early, ..measured })
}

/// Opens connections in the place of those that were used up, until they can be opened.
fn replace(engine: &mut Engine, is_loading: bool) {
    for index in engine.take_ended() {
        let Some(connection) = engine.connections.get(index) else { continue };
        let is_wanted = is_loading || connection.session().owes();
        if connection.was_left() && is_wanted {
            engine.open(index);
        } else if connection.has_failed() && is_wanted {
            engine.open_later(index);
        }
    }
    while let Some(index) = engine.take_retry() {
        engine.open(index);
    }
}

/// Waits for what is still due. What does not come counts with the time that it has waited.
pub(super) fn drain(engine: &mut Engine) -> io::Result<()> {
    let (start, mut events) = (engine.now(), events());
    let deadline = start.saturating_add(engine.shared.plan.timeout);
    while engine.now() < deadline && !is_done(engine) && !engine.is_gone() {
        engine.turn(deadline, &mut events)?;
        replace(engine, false);
        if engine.takes_tick() {
            let now = engine.now();
            engine.progress.show(now - start, deadline - start, "the last replies are awaited");
        }
    }
    // What this side had no time to look at was due all the same.
    if let Some(rest) = engine.shared.schedule.as_mut().map(Schedule::take_rest) {
        for (sender, index) in engine.senders.clone().into_iter().enumerate() {
            engine.act(index, |connection, _| connection.owe_rest(rest(sender)));
        }
    }
    engine.all(Connection::give_up);
    let misdelivered = engine.shared.deliveries.as_ref().map_or(0, Deliveries::differing);
    engine.shared.figures.misdelivered = misdelivered;
    Ok(())
}

fn is_done(engine: &Engine) -> bool {
    let figures = &engine.shared.figures;
    let has_all =
        !matches!(engine.shared.plan.kind, Kind::Rooms { .. }) || figures.delivered >= figures.deliveries_due;
    let has_sent = engine.shared.schedule.as_ref().is_none_or(|schedule| schedule.next_due().is_none());
    let is_quiet = |index: &usize| engine.connections.get(*index).is_none_or(Connection::is_quiet);
    has_all && has_sent && engine.senders.iter().all(is_quiet)
}

/// Compares with what the server has counted. Its figures may be a moment old, and packets may be under way,
/// so it looks until they agree, or the time is over. After a run that the user has ended, that is soon.
pub(super) fn compare(engine: &mut Engine, admin: &Admin) -> io::Result<Result<Counted, String>> {
    let was_interrupted = engine.is_interrupted();
    let patience = if was_interrupted { PATIENCE } else { u64::MAX };
    let deadline = engine.now().saturating_add(engine.shared.plan.timeout.min(patience));
    let (mut events, mut last) = (events(), Err("it was not known when the time was over".to_owned()));
    loop {
        let left = || deadline.checked_sub(engine.now()).filter(|left| *left > 0).map(Duration::from_nanos);
        let Some(counted) = admin.look(&engine.connections, left).transpose() else { return Ok(last) };
        let agrees = counted.as_ref().is_ok_and(|counted| counted.differing == 0);
        if agrees || left().is_none() || (engine.is_interrupted() && !was_interrupted) {
            return Ok(counted);
        }
        last = counted;
        let until = engine.now().saturating_add(TICK);
        while engine.now() < until {
            engine.turn(until, &mut events)?;
            engine.takes_tick();
        }
    }
}

/// Closes all connections.
pub(super) fn close(engine: &mut Engine) -> io::Result<()> {
    let deadline = engine.now().saturating_add(engine.shared.plan.timeout);
    let mut events: Events = events();
    engine.all(|connection: &mut Connection, shared: &mut Shared| connection.close(shared));
    while engine.count(Standing::Closing) > 0 && engine.now() < deadline {
        engine.turn(engine.now().saturating_add(TICK), &mut events)?;
        engine.takes_tick();
    }
    engine.shared.figures.unclosed += engine.count(Standing::Closing) as u64;
    engine.progress.end();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_ends_with_each_connection_that_is_opened() {
        let mut stand = Standstill::new(100);
        for (opened, now, expected) in
            [(0, 100, 0), (0, 150, 50), (1, 160, 0), (1, 190, 30), (3, 200, 0), (3, 300, 100), (4, 310, 0)]
        {
            assert_eq!(stand.lasts(opened, now), expected, "{opened} at {now}");
        }
    }
}
