//! What a connection does between the upgrade and its first request: the login, and the entry into a room.

use prost::Message as _;
use sysconn::packet::{ErrorId, Reply, Request, push_request};

use super::Stop;
use super::session::{Session, Stage};
use crate::bench::in_flight::MAX_FLAG;
use crate::bench::plan::Kind;
use crate::bench::shared::Shared;
use crate::bench::template::room_name;
use crate::bench::wire::Wire;
use crate::call::meaning;
use crate::messages::{account, room};

/// The Flag of heartbeats.
pub(super) const HEARTBEAT_FLAG: u32 = MAX_FLAG + 1;
/// The Flag of logins and entries.
const SETUP_FLAG: u32 = MAX_FLAG + 2;

/// A reply that is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Login,
    Join,
}

impl Step {
    /// Its refusal, in words.
    fn refused_with(self, error_id: ErrorId) -> String {
        let what = match self {
            Step::Login => "the login",
            Step::Join => "the entry into a room",
        };
        let meaning = match error_id {
            ErrorId::LOGIN_REFUSED => {
                "the server does not accept its token or account (--token-keys, --token)"
            }
            error_id => meaning(error_id),
        };
        format!("{what} was refused with ErrorID {error_id}, {meaning}")
    }
}

impl Session {
    /// The upgrade is done.
    pub(super) fn set_up(&mut self, wire: &mut Wire, shared: &mut Shared) {
        match shared.logins.as_mut().map(super::super::logins::Logins::next) {
            Some(login) => {
                self.stage = Stage::SettingUp(Step::Login);
                self.send_packet(SETUP_FLAG, account::LOGIN, &login, wire, shared);
            }
            None => self.join(wire, shared),
        }
    }

    /// Enters its room, if there are rooms.
    fn join(&mut self, wire: &mut Wire, shared: &mut Shared) {
        if self.is_idle || !matches!(shared.plan.kind, Kind::Rooms { .. }) {
            self.become_open(shared);
            return;
        }
        self.stage = Stage::SettingUp(Step::Join);
        let room = room_name(&shared.plan.room_prefix, shared.plan.room(self.index));
        self.send_packet(SETUP_FLAG, room::JOIN, &room::Join { room }.encode_to_vec(), wire, shared);
    }

    /// A packet has come that answers a login or an entry.
    pub(super) fn is_setup(&self, reply: &Reply<'_>) -> bool {
        reply.flag == SETUP_FLAG && matches!(self.stage, Stage::SettingUp(_))
    }

    /// Goes on after such a packet.
    pub(super) fn go_on(
        &mut self,
        error_id: ErrorId,
        wire: &mut Wire,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        let Stage::SettingUp(step) = self.stage else { return Ok(()) };
        if error_id != ErrorId::NONE {
            return Err(Stop::Failed(step.refused_with(error_id)));
        }
        match step {
            Step::Login => self.join(wire, shared),
            Step::Join => self.become_open(shared),
        }
        Ok(())
    }

    /// Sends a packet that is no request of the load.
    pub(super) fn send_packet(
        &mut self,
        flag: u32,
        cmd: u16,
        data: &[u8],
        wire: &mut Wire,
        shared: &mut Shared,
    ) {
        let mut packet = Vec::new();
        push_request(&mut packet, &Request { data_status: 0, flag, cmd, data });
        wire.message(&packet, shared.codec.as_mut(), &mut shared.random);
        self.packets_sent += 1;
        self.last_sent = shared.clock.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_means() {
        for (step, error_id, expected) in [
            (
                Step::Login,
                ErrorId::LOGIN_REFUSED,
                "the login was refused with ErrorID 7, the server does not",
            ),
            (Step::Login, ErrorId::UNKNOWN_COMMAND, "the login was refused with ErrorID 1, no such command"),
            (
                Step::Join,
                ErrorId::NOT_LOGGED_IN,
                "the entry into a room was refused with ErrorID 3, the command is for clients that have",
            ),
        ] {
            let line = step.refused_with(error_id);
            assert!(line.starts_with(expected), "{line}");
        }
    }
}
