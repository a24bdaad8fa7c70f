//! Everything of a reactor but the poll itself, and how a connection is lent what it needs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::WAKER;
use super::accept::Listeners;
use super::across::Others;
use super::ahead::Ahead;
use super::drain::Drain;
use super::gather::Segment;
use super::poller::{Event, Registry};
use super::prepared::{Parts, Shared as Common};
use super::record::Recording;
use super::roles::Roles;
use super::slots::{Entry, FIRST_SLOTS, Slots};
use super::wheel::Wheel;
use crate::cause::Cause;
use crate::config::Config;
use crate::conn::{Env, LARGE_READ_BYTES};
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::moment::Moment;
use crate::packet::Cipher;
use crate::router::{Application, Service};

pub(super) struct Core<S: 'static> {
    pub(super) now: Moment,
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
    pub(super) refused: usize,
    pub(super) slots: Slots,
    pub(super) wheel: Wheel,
    pub(super) roles: Roles,
    pub(super) segments: Vec<Segment>,
    pub(super) read_buffer: Vec<u8>,
    pub(super) ahead: Ahead,
    /// Reads of this turn that may still go on with a TLS handshake.
    pub(super) handshakes_left: u32,
    /// Connections with work left for the next turn.
    pub(super) ready: Vec<ConnectionId>,
    /// Those that the turn before left so, until this turn has served them.
    pub(super) left_over: Vec<ConnectionId>,
    /// Connections that have ended in this turn.
    pub(super) dead: Vec<ConnectionId>,
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
        let Parts { worker, registry, mailbox, listeners, shared, began_unix_ms } = parts;
        let workers = shared.mailboxes.count();
        Core {
            now: Moment::START,
            began_unix_ms,
            lent: Env::new(config, service, state, cipher, mailbox),
            registry,
            listeners,
            common: shared,
            others: Others::new(worker),
            refused: 0,
            slots: Slots::new(u8::try_from(worker).unwrap_or(u8::MAX)),
            wheel: Wheel::with_capacity(FIRST_SLOTS),
            roles: Roles::default(),
            segments: Vec::new(),
            // Not zeros, which the system would only promise: what a reactor holds is held from the start,
            // and not from the first large message on.
            read_buffer: vec![u8::MAX; LARGE_READ_BYTES],
            ahead: Ahead::new(),
            handshakes_left: 0,
            ready: Vec::new(),
            left_over: Vec::new(),
            dead: Vec::new(),
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
    pub(super) fn handle_event(&mut self, event: Event<'_>) {
        if event.token() == WAKER {
            self.mail_waits = true;
            return;
        }
        if self.listeners.note(event.token()) {
            return;
        }
        let id = ConnectionId::from_u64(event.token().0 as u64);
        let Some(entry) = self.slots.get_mut(id) else { return };
        // It is served with those that were left over, or will be in the next turn: but once in each.
        let has_its_turn = entry.ready;
        let closed = event.is_read_closed() || event.is_error();
        entry.readable |= event.is_readable() || closed;
        // A read ends before an urgent byte, whatever lies behind it.
        entry.read_on |= closed || event.is_priority();
        if event.is_error() && !entry.conn.wants_read(&self.lent.settings) {
            // Nobody would read the error off the socket as long as reading is paused.
            entry.conn.abort(Cause::Reset);
        }
        if event.is_writable() {
            entry.writable = true;
            if entry.socket.flush().is_err() {
                entry.conn.abort(Cause::Reset);
            }
            if !entry.conn.outbox.is_empty() {
                self.write_outbox(id);
            }
        }
        if !has_its_turn && !self.read_ahead(id) {
            self.serve(id);
        }
    }

    /// When there is something to do without an event.
    pub(super) fn next_at(&self) -> Moment {
        let left_over = !self.ready.is_empty() || !self.mails.is_empty() || self.mail_waits;
        if left_over || canary!(Restless) {
            return self.now;
        }
        self.wheel.next_at().min(self.listeners.next_at()).min(self.drain.next_at(self.slots.is_empty()))
    }

    /// Writes what is left, and removes the connections that have ended. What the application has to
    /// say about their end can be for others, and can be their end.
    pub(super) fn end_turn(&mut self) {
        while !self.segments.is_empty() || !self.dead.is_empty() {
            self.write_gathered();
            self.bury();
        }
        self.hand_out_places();
    }

    /// Removes the connections that have ended, and tells the application.
    fn bury(&mut self) {
        while let Some(id) = self.dead.pop() {
            let Some(mut entry) = self.slots.remove(id) else { continue };
            self.wheel.disarm(id.slot());
            if !canary!(ForgottenRole) {
                self.leave_role(id, entry.conn.record.role_id());
            }
            if let Some(place) = entry.place.take() {
                if !canary!(ForgottenPlace) {
                    self.common.admission.leave(place, entry.conn.record.peer());
                }
                self.lent.tools.totals.closed += 1;
            } else {
                self.refused -= 1;
            }
            self.tell_end(&mut entry);
            if canary!(LeakedSocket) {
                std::mem::forget(entry);
            } else {
                drop(entry);
            }
            self.apply_effects();
        }
    }

    /// Tells the linked object, then the application.
    fn tell_end(&mut self, entry: &mut Entry) {
        let cause = entry.conn.cause().unwrap_or(Cause::Dropped);
        if let Some(linked) = entry.conn.take_linked()
            && !canary!(ForgottenObject)
        {
            linked.tell(cause);
        }
        let record = &entry.conn.record;
        log::debug!("{} {}: {cause}", record.id, record.peer());
        if !entry.conn.was_opened() || canary!(ForgottenEnd) {
            return;
        }
        #[cfg(feature = "sim")]
        crate::sim::closed(record.id, cause, record.recv_count);
        let Env { state, tools, .. } = &mut self.lent;
        if catch_unwind(AssertUnwindSafe(|| state.closed(record, cause, &mut tools.effects))).is_err() {
            log::error!("the hook for ended connections panicked");
        }
    }

    /// Ends every connection at once, without a word.
    pub(super) fn abort_all(&mut self) {
        let ids: Vec<_> = self.slots.ids().collect();
        for id in ids {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.conn.abort(Cause::Dropped);
                self.dead.push(id);
            }
        }
        self.bury();
    }
}
