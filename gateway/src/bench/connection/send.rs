//! The requests of a connection: as many as the pipeline and the socket take.

use sysconn::frame::Opcode;

use super::session::{Session, Stage};
use super::setup::HEARTBEAT_FLAG;
use crate::bench::plan::Kind;
use crate::bench::shared::Shared;
use crate::bench::wire::Wire;
use crate::messages::account;

/// How long a connection is silent before it sends a heartbeat: servers close silent ones after a minute.
const SILENCE: u64 = 25_000_000_000;

impl Session {
    /// Sends what is due, or in a closed loop, what there is room for.
    pub(super) fn send(&mut self, wire: &mut Wire, shared: &mut Shared) {
        let mut now = None;
        while self.may_send(shared) && wire.has_room() {
            let now = *now.get_or_insert_with(|| shared.clock.now());
            let intended = match &shared.schedule {
                Some(schedule) => schedule.intended(self.sender, self.requests),
                None => now,
            };
            self.owed = self.owed.saturating_sub(1);
            self.request(intended, now, wire, shared);
        }
    }

    /// Whether a request is due, and there is room for it in the pipeline.
    pub(super) fn may_send(&self, shared: &Shared) -> bool {
        let plan = &shared.plan;
        let is_due = match shared.schedule {
            Some(_) => self.owed > 0,
            None => shared.is_sending,
        };
        is_due
            && matches!(self.stage, Stage::Open)
            && !self.is_idle
            && self.in_flight.len() < plan.pipeline
            && plan.churn.is_none_or(|most| self.used < most)
    }

    fn request(&mut self, intended: u64, now: u64, wire: &mut Wire, shared: &mut Shared) {
        let flag = self.in_flight.next_flag();
        let (number, replies) = match shared.plan.kind {
            Kind::Echo => (flag.into(), 1),
            Kind::Call { replies, .. } => (flag.into(), replies),
            // The text itself says when it was due.
            Kind::Rooms { members } => {
                shared.figures.deliveries_due += members as u64;
                (intended, 1)
            }
        };
        let room = shared.plan.room(self.index);
        let message = shared.template.fill(flag, number, room);
        wire.request(message, shared.codec.as_mut(), &mut shared.random);
        shared.figures.bytes_sent += message.len() as u64;
        shared.figures.send(now, replies);
        if shared.schedule.is_some() {
            shared.figures.send_late(intended, now);
        }
        self.in_flight.push(flag, replies, intended);
        (self.requests, self.used) = (self.requests + 1, self.used.saturating_add(1));
        self.packets_sent += u64::from(shared.plan.kind != Kind::Echo);
        self.last_sent = now;
    }

    /// Sends a heartbeat after a silence.
    pub(super) fn keep_alive(&mut self, wire: &mut Wire, shared: &mut Shared) {
        let now = shared.clock.now();
        if !matches!(self.stage, Stage::Open) || now.saturating_sub(self.last_sent) < SILENCE {
            return;
        }
        if shared.plan.kind == Kind::Echo || shared.pings_only {
            wire.control(Opcode::Ping, b"", &mut shared.random);
            self.last_sent = now;
        } else {
            self.send_packet(HEARTBEAT_FLAG, account::SERVER_TIME, b"", wire, shared);
        }
    }
}
