//! What a connection is doing, and what it has done.

use super::echoes::Begun;
use super::setup::Step;
use crate::bench::handshake::Handshake;
use crate::bench::in_flight::InFlight;
use crate::bench::shared::Shared;

/// The stages of a connection, with what belongs to each.
#[derive(Debug)]
pub(super) enum Stage {
    Unopened,
    Upgrading(Handshake),
    /// It waits for the reply to a login or to a request to enter a room.
    SettingUp(Step),
    Open,
    Closing,
    Ended(End),
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// This side wanted it to.
    Left,
    /// It could not be opened.
    Failed,
    /// Before its time.
    Lost,
}

/// The stages as the run sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Standing {
    Unopened,
    Opening,
    Open,
    Closing,
    Ended,
}

impl Stage {
    pub(super) fn standing(&self) -> Standing {
        match self {
            Stage::Unopened => Standing::Unopened,
            Stage::Upgrading(_) | Stage::SettingUp(_) => Standing::Opening,
            Stage::Open => Standing::Open,
            Stage::Closing => Standing::Closing,
            Stage::Ended(_) => Standing::Ended,
        }
    }
}

/// A connection without its socket.
#[derive(Debug)]
pub(in crate::bench) struct Session {
    pub(super) index: usize,
    pub(super) is_idle: bool,
    pub(super) stage: Stage,
    /// When it began to connect or to close.
    pub(in crate::bench) since: u64,
    pub(super) is_connected: bool,
    /// The server sends no more.
    pub(super) has_ended: bool,
    pub(super) in_flight: InFlight,
    pub(super) begun: Begun,
    /// Requests were given up, so replies may come that nothing waits for.
    pub(super) has_given_up: bool,
    /// Its number among those that send, from 0.
    pub(in crate::bench) sender: usize,
    /// Requests that are due, and not sent.
    pub(super) owed: u64,
    /// Requests of this place that were sent, or can no more be.
    pub(super) requests: u64,
    /// Requests on the present connection.
    pub(super) used: u32,
    /// Packets on the present connection, logins and heartbeats included.
    pub(in crate::bench) packets_sent: u64,
    pub(in crate::bench) packets_received: u64,
    /// When something was sent last.
    pub(super) last_sent: u64,
}

impl Session {
    pub(super) fn new(index: usize, is_idle: bool, last_flag: u32) -> Self {
        Session {
            index,
            is_idle,
            stage: Stage::Unopened,
            since: 0,
            is_connected: false,
            has_ended: false,
            in_flight: InFlight::new(last_flag, index),
            begun: Begun::default(),
            has_given_up: false,
            sender: 0,
            owed: 0,
            requests: 0,
            used: 0,
            packets_sent: 0,
            packets_received: 0,
            last_sent: 0,
        }
    }

    /// A connection begins.
    pub(super) fn begin(&mut self, handshake: Handshake, now: u64) {
        self.enter(Stage::Upgrading(handshake), now);
        (self.is_connected, self.has_ended) = (false, false);
        (self.used, self.packets_sent, self.packets_received) = (0, 0, 0);
        (self.begun, self.last_sent) = (Begun::default(), now);
    }

    /// A connection has failed before it began.
    pub(super) fn begin_nothing(&mut self, now: u64) {
        self.enter(Stage::SettingUp(Step::Login), now);
    }

    pub(super) fn enter(&mut self, stage: Stage, now: u64) {
        self.stage = stage;
        self.since = now;
    }

    /// It can be used from now on.
    pub(super) fn become_open(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        shared.figures.open(now.saturating_sub(self.since));
        self.stage = Stage::Open;
    }

    /// Whether it has had the requests after which another takes its place.
    pub(super) fn is_used_up(&self, shared: &Shared) -> bool {
        matches!(self.stage, Stage::Open)
            && self.in_flight.is_empty()
            && !self.is_idle
            && shared.plan.churn.is_some_and(|most| self.used >= most)
    }

    /// Whether requests are due that another connection in its place could send.
    pub(in crate::bench) fn owes(&self) -> bool {
        self.owed > 0
    }

    /// Nothing in flight is answered any more, and nothing that is due is sent.
    pub(super) fn give_up(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        self.has_given_up |= !self.in_flight.is_empty();
        let replies = shared.plan.kind.replies();
        for pending in self.in_flight.take() {
            shared.figures.give_up(pending.intended, now);
            shared.figures.note_parts(replies.saturating_sub(pending.left));
        }
        let owed = std::mem::take(&mut self.owed);
        if let Some(schedule) = shared.schedule.as_ref().filter(|_| owed > 0) {
            let oldest = schedule.intended(self.sender, self.requests);
            let distance = schedule.intended(self.sender, self.requests + 1).saturating_sub(oldest);
            shared.figures.leave_unsent(owed, oldest, distance, now);
            self.requests = self.requests.saturating_add(owed);
        }
    }
}
