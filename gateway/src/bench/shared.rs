//! What all connections of a run share.

use std::rc::Rc;

use super::clock::Clock;
use super::codec::Codec;
use super::deliveries::Deliveries;
use super::figures::Figures;
use super::handshake::Upgrade;
use super::logins::Logins;
use super::plan::{Kind, Plan};
use super::prepared::Prepared;
use super::random::Random;
use super::ring::Ring;
use super::schedule::Schedule;
use super::template::Template;
use super::unread::ReadTime;

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of one read once something in one was compressed: they can become a thousand times as many.
const COMPRESSED_READ_BYTES: usize = 16 * 1024;

/// The state of a run, beside that of each connection.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) upgrade: Upgrade,
    pub(super) template: Template,
    pub(super) prepared: Rc<Prepared>,
    /// Requests and replies of a whole cycle, if they are short and come back as they were.
    pub(super) ring: Option<Ring>,
    pub(super) logins: Option<Logins>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    /// For messages that are compressed.
    pub(super) codec: Option<Codec>,
    pub(super) figures: Figures,
    /// With rooms.
    pub(super) deliveries: Option<Deliveries>,
    /// When the requests of an open loop are due.
    pub(super) schedule: Option<Schedule>,
    /// A closed loop sends.
    pub(super) is_sending: bool,
    /// The server has no command for heartbeats, so that Pings have to do.
    pub(super) pings_only: bool,
    /// What was read last.
    pub(super) buffer: Vec<u8>,
    /// The most bytes of the next read.
    pub(super) read_bytes: usize,
    /// The time for the reads of this turn.
    pub(super) read_time: ReadTime,
}

impl Shared {
    pub(super) fn new(plan: Plan, mut template: Template, logins: Option<Logins>) -> Result<Self, String> {
        let mut random = Random::new();
        let prepared = Prepared::new(&template, random.mask());
        let has_ring = plan.kind.is_echoed() && !plan.deflate;
        let ring = has_ring.then(|| Ring::new(&mut template, &prepared, plan.pipeline)).flatten();
        let deliveries = match plan.kind {
            Kind::Rooms { members } => Some(Deliveries::new(plan.connections, members)),
            Kind::Echo | Kind::Call { .. } => None,
        };
        Ok(Shared {
            prepared: Rc::new(prepared),
            ring,
            codec: plan.deflate.then(Codec::new),
            upgrade: Upgrade::new(&plan.url, &plan.offer, plan.deflate),
            plan,
            template,
            logins,
            clock: Clock::start(),
            random,
            figures: Figures::new()?,
            deliveries,
            schedule: None,
            is_sending: false,
            pings_only: false,
            buffer: vec![0; READ_BYTES],
            read_bytes: READ_BYTES,
            read_time: ReadTime::default(),
        })
    }

    /// Something that was read is compressed.
    pub(super) fn inflates(&mut self) {
        self.read_bytes = COMPRESSED_READ_BYTES;
    }
}
