//! The loop of a run: one thread, one poll, all connections.

mod reads;

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Poll, Registry, Token};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::connection::{Connection, Readiness, Standing};
use super::in_flight::MAX_FLAG;
use super::progress::Progress;
use super::ring::Ring;
use super::shared::Shared;
use super::spin::Spin;
use super::unread::{ReadTime, Unread};
use super::wake::Wake;

/// Events of one poll.
const EVENTS: usize = 1024;
/// Requests that become due in one turn.
const DUE_IN_A_TURN: usize = 4096;
/// Connections that are being opened at once, unless a ramp says when.
pub(super) const MAX_OPENING: usize = 64;
/// The wake's place among the connections.
const WAKE: Token = Token(usize::MAX);
/// How often progress is shown, and slow things are looked at, in nanoseconds.
pub(super) const TICK: u64 = 100_000_000;
/// How often silent connections are looked at.
const KEEP_ALIVE: u64 = 1_000_000_000;
/// How long a place waits whose connection could not be opened, in nanoseconds.
const RETRY: u64 = 100_000_000;

/// All connections, and how many are in which stage.
pub(super) struct Engine {
    poll: Poll,
    registry: Rc<Registry>,
    wake: Wake,
    pub(super) shared: Shared,
    pub(super) connections: Vec<Connection>,
    tally: [usize; 5],
    /// The connections that send, in the order of the schedule.
    pub(super) senders: Vec<usize>,
    /// Connections that have something to read.
    unread: Unread,
    /// Connections that may be able to send.
    active: Vec<usize>,
    /// When connections must have been opened or closed, in this order.
    deadlines: VecDeque<(u64, usize, u64)>,
    /// Connections that have ended since somebody asked.
    ended: Vec<usize>,
    /// Places whose new connection could not be opened, and when to try again.
    retries: VecDeque<(u64, usize)>,
    /// The address in use.
    address: usize,
    interrupted: Arc<AtomicBool>,
    pub(super) progress: Progress,
    next_tick: u64,
    /// When silent connections are looked at.
    next_keep_alive: u64,
    pub(super) spin: Spin,
}

impl Engine {
    pub(super) fn new(shared: Shared) -> io::Result<Self> {
        let poll = Poll::new()?;
        let wake = Wake::new(poll.registry(), WAKE)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second ends the program.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))?;
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let (busy, all) = (shared.plan.connections, shared.plan.connections + shared.plan.idle);
        let last_flag = shared.ring.as_ref().map_or(MAX_FLAG, Ring::last_flag);
        let connection = |index| Connection::new(index, index >= busy, last_flag);
        let connections: Vec<_> = (0..all).map(connection).collect();
        let mut tally = [0; 5];
        tally[Standing::Unopened as usize] = all;
        Ok(Engine {
            registry: Rc::new(poll.registry().try_clone()?),
            poll,
            wake,
            shared,
            connections,
            tally,
            senders: Vec::new(),
            unread: Unread::new(all),
            active: Vec::new(),
            deadlines: VecDeque::new(),
            ended: Vec::new(),
            retries: VecDeque::new(),
            address: 0,
            interrupted,
            progress: Progress::new(),
            next_tick: 0,
            next_keep_alive: 0,
            spin: Spin::new(),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// Whether the user wants it to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// How many connections are in a stage.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.tally[standing as usize]
    }

    /// Whether no connection is left, and none is to be opened again.
    pub(super) fn is_gone(&self) -> bool {
        self.retries.is_empty()
            && self.ended.is_empty()
            && self.count(Standing::Ended) + self.count(Standing::Unopened) == self.connections.len()
    }

    /// Lets a connection act, and keeps count of its stage.
    pub(super) fn act<T>(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Connection, &mut Shared) -> T,
    ) -> Option<T> {
        let connection = self.connections.get_mut(index)?;
        let before = connection.standing();
        let result = act(connection, &mut self.shared);
        let after = connection.standing();
        if before != after {
            self.tally[before as usize] -= 1;
            self.tally[after as usize] += 1;
            let since = connection.session().since;
            if matches!(after, Standing::Opening | Standing::Closing) {
                let deadline = since.saturating_add(self.shared.plan.timeout);
                self.deadlines.push_back((deadline, index, since));
            }
            if after == Standing::Ended {
                self.ended.push(index);
            }
        }
        Some(result)
    }

    /// The connections that have ended since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ended)
    }

    /// Opens a connection in this place again, after a pause.
    pub(super) fn open_later(&mut self, index: usize) {
        self.retries.push_back((self.now().saturating_add(RETRY), index));
    }

    /// The next place whose connection is to be opened again by now.
    pub(super) fn take_retry(&mut self) -> Option<usize> {
        let (at, index) = *self.retries.front()?;
        if at > self.now() {
            return None;
        }
        self.retries.pop_front();
        Some(index)
    }

    /// Begins to connect.
    pub(super) fn open(&mut self, index: usize) {
        let Some(address) = self.shared.plan.addresses.get(self.address).copied() else { return };
        // The registry is another part of the engine than the connection.
        let registry = Rc::clone(&self.registry);
        let has_failed_again = self.act(index, |connection, shared| {
            let was_ended = connection.standing() == Standing::Ended;
            connection.open(address, &registry, shared);
            was_ended && connection.standing() == Standing::Ended
        });
        if has_failed_again == Some(true) {
            self.ended.push(index);
        }
    }

    /// Tries another address of the host, if no connection could be opened with this one.
    pub(super) fn try_next_address(&mut self) -> bool {
        let has_next = self.address + 1 < self.shared.plan.addresses.len();
        if has_next && self.shared.figures.opened == 0 {
            self.address += 1;
            self.shared.figures.failed.clear();
            return true;
        }
        false
    }

    /// Waits until something happens, `until` at the latest, and handles it.
    pub(super) fn turn(&mut self, until: u64, events: &mut Events) -> io::Result<()> {
        let begin = self.now();
        let wait = self.wait(until.min(self.next_tick), begin)?;
        match self.poll.poll(events, wait) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            polled => polled?,
        }
        let mut has_work = !self.unread.is_empty() || !events.is_empty();
        self.shared.read_time = ReadTime::default();
        self.read_late();
        for event in events.iter() {
            if event.token() == WAKE {
                self.wake.woke();
            } else {
                let has_ended = event.is_read_closed();
                let has_failed = event.is_error();
                let is_readable = event.is_readable() || has_ended || has_failed;
                let is_writable = event.is_writable();
                self.ready(event.token().0, Readiness { is_readable, is_writable, has_failed, has_ended });
            }
        }
        self.read_rest();
        self.send_active();
        let now = self.now();
        has_work |= self.send_due(now);
        self.expire(now);
        self.keep_alive(now);
        if has_work {
            self.spin.worked(now);
        } else if wait.is_some() && self.shared.schedule.is_some() {
            self.spin.pause(begin, self.shared.clock);
        }
        Ok(())
    }

    /// How long the poll may wait; `None` if it is woken `until` then.
    fn wait(&mut self, until: u64, now: u64) -> io::Result<Option<Duration>> {
        let Some(schedule) = &self.shared.schedule else { return self.sleep(until, now) };
        let due = schedule.next_due().unwrap_or(u64::MAX);
        match self.spin.sleeps_until(due, now) {
            Some(at) => self.sleep(until.min(at), now),
            None => Ok(Some(Duration::ZERO)),
        }
    }

    fn sleep(&mut self, until: u64, now: u64) -> io::Result<Option<Duration>> {
        if until <= now || !self.unread.is_empty() {
            return Ok(Some(Duration::ZERO));
        }
        self.wake.set(until, now)?;
        Ok(None)
    }

    /// Writes after all reads of the turn, so that the server finds more messages at once.
    fn send_active(&mut self) {
        let mut active = std::mem::take(&mut self.active);
        for index in active.drain(..) {
            self.act(index, Connection::send);
        }
        self.active = active;
    }

    /// Sends the requests that have become due. Those that are late go out at once. Returns whether there
    /// were some.
    fn send_due(&mut self, now: u64) -> bool {
        let (mut first, mut is_any) = (Vec::new(), false);
        for _ in 0..DUE_IN_A_TURN {
            let Some(schedule) = &mut self.shared.schedule else { break };
            let Some(sender) = schedule.take_due(now) else { break };
            is_any = true;
            let Some(&index) = self.senders.get(sender) else { continue };
            // One that owes more is blocked, or is in the list.
            if self.connections.get_mut(index).is_some_and(Connection::owe) {
                first.push(index);
            }
        }
        for index in first {
            self.act(index, Connection::send);
        }
        is_any
    }

    /// Has connections that were silent for a while send a heartbeat.
    fn keep_alive(&mut self, now: u64) {
        if self.next_keep_alive <= now {
            self.next_keep_alive = now.saturating_add(KEEP_ALIVE);
            self.all(Connection::keep_alive);
        }
    }

    /// Whether a tick is due, and when the next is.
    pub(super) fn takes_tick(&mut self) -> bool {
        let now = self.now();
        let is_due = self.next_tick <= now;
        if is_due {
            self.next_tick = now.saturating_add(TICK);
            if self.shared.schedule.is_some() {
                self.spin.look();
            }
        }
        is_due
    }

    /// Lets every connection act.
    pub(super) fn all(&mut self, act: impl Fn(&mut Connection, &mut Shared)) {
        for index in 0..self.connections.len() {
            self.act(index, &act);
        }
    }
}

/// The events of one poll.
pub(super) fn events() -> Events {
    Events::with_capacity(EVENTS)
}
