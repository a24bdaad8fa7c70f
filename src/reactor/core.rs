//! Everything of a reactor but the poll itself, and how a connection is lent what it needs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::kv::Value;

use super::WAKER;
use super::accept::Listeners;
use super::across::Others;
use super::ahead::{Ahead, AheadOf};
use super::budget::{STEP_BYTES, Share, Step, TurnBudget};
use super::drain::Drain;
use super::fan_outs::FanOuts;
use super::gather::Segment;
use super::prepared::{Parts, Shared as Common};
use super::ready::Ready;
use super::record::Recording;
use super::refusals::Refusals;
use super::slots::{Entry, FIRST_SLOTS, Slots};
use super::sys::event::Event;
use super::sys::poller::Registry;
use super::wheel::Wheel;
use crate::cause::Cause;
use crate::config::Config;
use crate::conn::{Env, LARGE_READ_BYTES};
use crate::connection_log;
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::moment::Moment;
use crate::observer;
use crate::packet::Cipher;
use crate::router::{Application, Service};

pub(super) struct Core<S: 'static> {
    pub(super) now: Moment,
    /// What this turn has taken, and may.
    pub(super) turn: TurnBudget,
    /// What the system clock said when the reactor began, in milliseconds since 1970.
    pub(super) began_unix_ms: u64,
    /// What connections are lent.
    pub(super) lent: Env<S>,
    pub(super) registry: Registry,
    pub(super) listeners: Listeners,
    /// What it shares with the other reactors of the server.
    pub(super) common: Common,
    pub(super) others: Others,
    /// Connections that are only told why they were refused.
    pub(super) refusals: Refusals,
    pub(super) slots: Slots,
    pub(super) wheel: Wheel,
    pub(super) segments: Vec<Segment>,
    pub(super) read_buffer: Vec<u8>,
    pub(super) ahead: Ahead,
    /// Reads of this turn that may still go on with a TLS handshake.
    pub(super) handshakes_left: u32,
    /// Connections with work left.
    pub(super) ready: Ready,
    /// Those that are marked as served in this turn.
    pub(super) served: Vec<ConnectionId>,
    /// What goes to many connections, and has not reached all of them.
    pub(super) fan_outs: FanOuts,
    /// Connections that have ended, and are not buried yet.
    pub(super) dead: VecDeque<ConnectionId>,
    /// Mail that was collected and not yet delivered.
    pub(super) mails: VecDeque<Mail>,
    /// The waker has spoken: there is mail to be collected.
    pub(super) mail_waits: bool,
    pub(super) drain: Drain,
    pub(super) recording: Recording,
}

impl<S: Application> Core<S> {
    pub(super) fn new(
        config: &Config,
        service: Service<S>,
        state: S,
        cipher: Option<Box<dyn Cipher>>,
        parts: Parts,
    ) -> Self {
        let Parts { worker, registry, mailbox, listeners, roles, shared, began_unix_ms } = parts;
        let workers = shared.mailboxes.count();
        let mut lent = Env::new(config, service, state, cipher, mailbox);
        lent.tools.roles = roles;
        Core {
            now: Moment::START,
            turn: TurnBudget::new(shared.clock.clone(), config.turn_time),
            began_unix_ms,
            lent,
            registry,
            listeners,
            common: shared,
            others: Others::new(worker),
            refusals: Refusals::default(),
            slots: Slots::new(u8::try_from(worker).unwrap_or(u8::MAX)),
            wheel: Wheel::with_capacity(FIRST_SLOTS),
            segments: Vec::new(),
            // Not zeros, which the system would only promise: what a reactor holds is held from the start,
            // and not from the first large message on.
            read_buffer: vec![u8::MAX; LARGE_READ_BYTES],
            ahead: Ahead::new(),
            handshakes_left: 0,
            ready: Ready::default(),
            served: Vec::new(),
            fan_outs: FanOuts::default(),
            dead: VecDeque::new(),
            mails: VecDeque::new(),
            mail_waits: false,
            drain: Drain::new(config, worker, workers),
            recording: Recording { debugged: config.record_debugged, limit: config.record_limit },
        }
    }

    /// Lends a connection what it needs for one call. What it gathers begins at `start` of the write
    /// buffer; [`settle`](Self::settle) sees to it afterwards. None if the connection is gone.
    pub(super) fn with<R>(
        &mut self,
        id: ConnectionId,
        start: usize,
        frames_left: u32,
        call: impl FnOnce(&mut Entry, &mut Env<S>) -> R,
    ) -> Option<R> {
        let entry = self.slots.get_mut(id)?;
        let env = &mut self.lent;
        env.tools.start = start;
        env.frames_left = frames_left;
        Some(call(entry, env))
    }

    /// Notes what the poll says, and serves the connection that it is about.
    pub(super) fn handle_event(&mut self, event: Event) {
        if event.token == WAKER {
            self.mail_waits = true;
            return;
        }
        if self.listeners.note(event.token) {
            return;
        }
        let id = ConnectionId::from_u64(event.token.0 as u64);
        let Some(entry) = self.slots.get_mut(id) else { return };
        // It is served in its turn, once.
        let has_its_turn = entry.standing.is_ready();
        let closed = event.read_closed || event.error;
        entry.readable |= event.readable || closed;
        // A read ends before an urgent byte, whatever lies behind it.
        entry.read_on |= closed || event.priority;
        if event.error && !entry.conn.wants_read(&self.lent.settings) {
            // Nobody would read the error off the socket as long as reading is paused.
            entry.conn.abort(Cause::Reset);
        }
        if event.writable {
            entry.writable = true;
            if let Err(error) = entry.socket.flush() {
                entry.fail(&error, &mut self.lent.tools.log, self.now);
            }
        }
        if has_its_turn {
            return;
        }
        if entry.is_busy() || entry.standing.was_served() || !self.turn.allows(Step::Quiet, usize::MAX) {
            return self.postpone(id);
        }
        match self.read_ahead(id) {
            AheadOf::All => {}
            AheadOf::Whole => self.serve(id, Share::WHOLE),
            AheadOf::Rest(share) => self.serve(id, share),
        }
    }

    /// When there is something to do without an event.
    pub(super) fn next_at(&self) -> Moment {
        let left_over = !self.ready.is_empty()
            || !self.dead.is_empty()
            || !self.fan_outs.is_empty()
            || !self.mails.is_empty()
            || self.mail_waits;
        if left_over {
            return self.now;
        }
        let notice_at = self.lent.tools.log.next_at();
        let drain_at = self.drain.next_at(!self.listeners.are_closed(), self.slots.is_empty());
        self.wheel.next_at().min(self.listeners.next_at()).min(drain_at).min(notice_at)
    }

    /// Writes what is left, and removes connections that have ended. What the application has to
    /// say about their end can be for others, and can be their end.
    pub(super) fn end_turn(&mut self) {
        let mut buried = 0;
        loop {
            self.write_gathered();
            if self.dead.is_empty() || !self.turn.allows(Step::Output, buried) {
                break;
            }
            self.bury();
            buried += 1;
        }
        self.hand_on_inflaters();
        self.hand_out_places();
    }

    /// Removes the connection that ended first of those that are left, and tells the application.
    fn bury(&mut self) {
        if let Some(id) = self.dead.pop_front() {
            self.turn.charge(STEP_BYTES);
            let Some(mut entry) = self.slots.remove(id) else { return };
            self.wheel.disarm(id.slot());
            if entry.standing.is_awaited() || entry.standing.owes() {
                self.leave_fan_outs(id);
            }
            let role_id = entry.conn.record.role_id();
            if role_id != 0 {
                self.lent.tools.roles.leave(id, role_id);
            }
            if let Some(place) = entry.place.take() {
                self.common.admission.leave(place, entry.conn.record.peer());
                self.lent.tools.totals.closed += 1;
            } else {
                self.refusals.end();
            }
            self.tell_end(&mut entry);
            drop(entry);
            self.apply_effects(Some(id));
        }
    }

    /// Tells the linked object, then the application.
    fn tell_end(&mut self, entry: &mut Entry) {
        let cause = entry.conn.cause().unwrap_or(Cause::Dropped);
        if let Some(linked) = entry.conn.take_linked() {
            self.lent.tools.observed.report(observer::Event::Unlinked(linked.number()));
            if linked.tell(cause).is_err() {
                let id = Value::from_display(&entry.conn.record.id);
                self.lent.tools.log.panicked(self.now, "object's end hook", &("id", id));
            }
        }
        let record = &entry.conn.record;
        // The log has a line already about those that were refused, or failed to speak TLS; and checks come all the time.
        let has_failed = cause == Cause::Reset && entry.socket.is_handshaking();
        if !has_failed && !matches!(cause, Cause::Refused(_) | Cause::HealthCheck) {
            connection_log::ended(record, &mut self.lent.tools.log, self.now, cause);
        }
        if !entry.conn.was_opened() {
            return;
        }
        let event = observer::Event::Closed { id: record.id, cause, packets: record.recv_count };
        self.lent.tools.observed.report(event);
        let Env { state, tools, .. } = &mut self.lent;
        if catch_unwind(AssertUnwindSafe(|| state.closed(record, cause, &mut tools.effects))).is_err() {
            tools.log.panicked(self.now, "end hook", &("id", Value::from_display(&record.id)));
        }
    }

    /// Ends every connection at once, without a word.
    pub(super) fn abort_all(&mut self) {
        let ids: Vec<_> = self.slots.ids().collect();
        for id in ids {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.conn.abort(Cause::Dropped);
                self.dead.push_back(id);
            }
        }
        while !self.dead.is_empty() {
            self.bury();
        }
        self.lent.tools.log.tell(Moment::NEVER);
    }
}
