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
        let most = self.sendable(shared);
        if most == 0 {
            return;
        }
        let now = shared.clock.now();
        let sent = if shared.ring.is_some() {
            self.requests_of_ring(most, now, wire, shared)
        } else {
            self.requests(most, now, wire, shared)
        };
        if sent > 0 {
            self.count_sent(sent, now, shared);
        }
    }

    /// Appends so many requests at most, one by one. Returns how many.
    fn requests(&mut self, most: u64, now: u64, wire: &mut Wire, shared: &mut Shared) -> u64 {
        let mut sent = 0;
        while sent < most && wire.has_room() {
            let intended = self.begin_request(sent, now, shared);
            self.request(intended, wire, shared);
            sent += 1;
        }
        sent
    }

    /// The same with the frames of the ring.
    fn requests_of_ring(&mut self, most: u64, now: u64, wire: &mut Wire, shared: &mut Shared) -> u64 {
        let Some(ring) = &shared.ring else { return 0 };
        let sent = most.min(wire.room_for(ring.request_bytes()));
        let mut first = None;
        for nth in 0..sent {
            let intended = self.begin_request(nth, now, shared);
            let flag = self.in_flight.push(1, intended);
            first = first.or(Some(flag));
        }
        if let (Some(first), Some(ring)) = (first, &shared.ring) {
            wire.requests_of_ring(ring, first, sent);
        }
        sent
    }

    /// When the `nth` request from now on should be sent. It is sent now.
    fn begin_request(&self, nth: u64, now: u64, shared: &mut Shared) -> u64 {
        let Some(schedule) = &shared.schedule else { return now };
        let intended = schedule.intended(self.sender, self.requests.saturating_add(nth));
        shared.figures.send_late(intended, now);
        intended
    }

    /// How many requests are due, or may be sent in a closed loop, and have room in the pipeline.
    pub(super) fn sendable(&self, shared: &Shared) -> u64 {
        let plan = &shared.plan;
        if !matches!(self.stage, Stage::Open) || self.is_idle {
            return 0;
        }
        let due = match shared.schedule {
            Some(_) => self.owed,
            None if shared.is_sending => u64::MAX,
            None => 0,
        };
        let room = match plan.kind {
            // Nothing is in flight.
            Kind::Call { replies: 0, .. } if shared.schedule.is_some() => u64::MAX,
            _ => plan.pipeline.saturating_sub(self.in_flight.len()) as u64,
        };
        let of_this_connection = plan.churn.map_or(u64::MAX, |most| most.saturating_sub(self.used).into());
        due.min(room).min(of_this_connection)
    }

    fn request(&mut self, intended: u64, wire: &mut Wire, shared: &mut Shared) {
        let flag = self.in_flight.push(shared.plan.kind.replies(), intended);
        let (number, room) = match shared.plan.kind {
            Kind::Echo | Kind::Call { .. } => (flag.into(), 0),
            // The text itself says when it was due.
            Kind::Rooms { members } => {
                shared.figures.deliveries_due += members as u64;
                if let Some(deliveries) = &mut shared.deliveries {
                    deliveries.say(self.index, intended);
                }
                (intended, shared.plan.room(self.index))
            }
        };
        let message = shared.template.fill(flag, number, room);
        wire.request(message, shared.codec.as_mut(), &mut shared.random);
    }

    /// So many requests were sent. They are counted together: it takes less time.
    fn count_sent(&mut self, sent: u64, now: u64, shared: &mut Shared) {
        let has_replies = !matches!(shared.plan.kind, Kind::Call { replies: 0, .. });
        shared.figures.send(now, sent, has_replies);
        shared.figures.bytes_sent += sent * shared.template.len() as u64;
        self.owed = self.owed.saturating_sub(sent);
        self.requests = self.requests.saturating_add(sent);
        self.used = self.used.saturating_add(u32::try_from(sent).unwrap_or(u32::MAX));
        self.packets_sent += if shared.plan.kind == Kind::Echo { 0 } else { sent };
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
