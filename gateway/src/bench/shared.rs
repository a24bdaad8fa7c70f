//! What all connections of a run share.

use std::rc::Rc;

use super::clock::Clock;
use super::codec::Codec;
use super::figures::Figures;
use super::logins::Logins;
use super::plan::Plan;
use super::prepared::Prepared;
use super::random::Random;
use super::schedule::Schedule;
use super::template::Template;

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;

/// The state of a run, beside that of each connection.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) template: Template,
    pub(super) prepared: Rc<Prepared>,
    pub(super) logins: Option<Logins>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    /// For messages that are compressed.
    pub(super) codec: Option<Codec>,
    pub(super) figures: Figures,
    /// When the requests of an open loop are due.
    pub(super) schedule: Option<Schedule>,
    /// A closed loop sends.
    pub(super) is_sending: bool,
    /// The server has no command for heartbeats, so that Pings have to do.
    pub(super) pings_only: bool,
    /// What was read last.
    pub(super) buffer: Vec<u8>,
}

impl Shared {
    pub(super) fn new(plan: Plan, template: Template, logins: Option<Logins>) -> Result<Self, String> {
        let mut random = Random::new();
        Ok(Shared {
            prepared: Rc::new(Prepared::new(&template, random.mask())),
            codec: plan.deflate.then(Codec::new),
            plan,
            template,
            logins,
            clock: Clock::start(),
            random,
            figures: Figures::new()?,
            schedule: None,
            is_sending: false,
            pings_only: false,
            buffer: vec![0; READ_BYTES],
        })
    }
}
