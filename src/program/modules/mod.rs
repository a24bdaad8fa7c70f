//! The modules that `serve` brings, and the state that their handlers share.

mod account;
mod echo;
mod membership;
mod monitor;
mod room;

use std::collections::HashMap;

use sysconn::{Application, Cause, ConnectionId, Context, Effects, Message, Module, Outcome, Record, Router};

use super::delay::Delay;
use membership::Membership;

/// The state of `serve`.
pub(crate) struct Gateway {
    delay: Delay,
    /// The connection that each role is logged in on.
    roles: HashMap<u64, ConnectionId>,
    membership: Membership,
}

impl Gateway {
    /// # Errors
    /// One line that says what is missing.
    pub(crate) fn new() -> Result<Self, String> {
        Ok(Gateway { delay: Delay::start()?, roles: HashMap::new(), membership: Membership::default() })
    }

    /// A role has logged in. The connection that it was on before is about to close, and is in no
    /// room from now on: nobody should see the role twice until its client has taken notice.
    fn enter(&mut self, id: ConnectionId, role_id: u64) {
        if let Some(older) = self.roles.insert(role_id, id)
            && older != id
        {
            self.membership.leave_all(older);
        }
    }

    /// A role has logged out, or its connection has ended.
    fn leave(&mut self, id: ConnectionId, role_id: u64) {
        self.membership.leave_all(id);
        if self.roles.get(&role_id) == Some(&id) {
            self.roles.remove(&role_id);
        }
    }
}

impl Application for Gateway {
    fn closed(&mut self, record: &Record, _: Cause, _: &mut Effects) {
        self.leave(record.id(), record.role_id());
    }
}

/// Replies with a protobuf message.
fn reply(context: &mut Context<'_>, message: &impl prost::Message) -> Outcome {
    context.reply(&message.encode_to_vec())
}

static ACCOUNT: Module<Gateway> = Module::new(10, "account", account::ROUTES);
static ECHO: Module<Gateway> = Module::new(11, "echo", echo::ROUTES);
static ECHO_WITH_DIAGNOSTICS: Module<Gateway> = Module::new(11, "echo", echo::ROUTES_WITH_DIAGNOSTICS);
static ROOM: Module<Gateway> = Module::new(12, "room", room::ROUTES);
static MONITOR: Module<Gateway> = Module::new(90, "monitor", monitor::ROUTES);

static ROUTES: Router<Gateway> = Router::new([&ACCOUNT, &ECHO, &ROOM, &MONITOR]);
static ROUTES_WITH_DIAGNOSTICS: Router<Gateway> =
    Router::new([&ACCOUNT, &ECHO_WITH_DIAGNOSTICS, &ROOM, &MONITOR]);

/// The routes of `serve`, with or without those that harm.
pub(crate) fn routes(diagnostics: bool) -> &'static Router<Gateway> {
    if diagnostics { &ROUTES_WITH_DIAGNOSTICS } else { &ROUTES }
}

/// The state of `echo`: none.
pub(crate) struct Echo;

impl Application for Echo {}

/// Sends a message back as it came.
pub(crate) fn echo_message(_: &mut Echo, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    // The outbox takes a message of any length that is let in; what overflows it is the client's
    // own doing, and ends as the overflow policy says.
    let _ = context.send_message(message.kind, message.payload);
    Outcome::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_forgotten_with_the_newest_connection_that_it_was_on() {
        let mut gateway = Gateway::new().expect("a thread can be started");
        let (older, newer) = (ConnectionId::from_u64(1), ConnectionId::from_u64(2));
        gateway.enter(older, 5);
        gateway.enter(newer, 5);
        gateway.leave(older, 5);
        assert_eq!(gateway.roles, HashMap::from([(5, newer)]));
        gateway.leave(newer, 5);
        assert!(gateway.roles.is_empty());
    }
}
