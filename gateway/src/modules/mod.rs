//! The modules that `serve` brings, and the state that their handlers share.

mod account;
mod echo;
mod membership;
mod monitor;
mod room;
mod rooms;

use std::collections::HashMap;
use std::sync::Arc;

use sysconn::{
    Application, Cause, ConnectionId, Context, Effects, Message, Module, Outcome, Record, Router, Worker,
};

use crate::delay::Delay;
use crate::token_keys::TokenKeys;
use membership::Membership;
use rooms::Rooms;

/// The state of one worker of `serve`.
pub(crate) struct Gateway {
    worker: Worker<Gateway>,
    delay: Arc<Delay>,
    /// The keys that sign logins. Without them every login is believed.
    keys: Option<Arc<TokenKeys>>,
    membership: Membership,
    rooms: Rooms,
}

impl Gateway {
    pub(crate) fn new(worker: Worker<Gateway>, delay: Arc<Delay>, keys: Option<Arc<TokenKeys>>) -> Self {
        Gateway { worker, delay, keys, membership: Membership::default(), rooms: Rooms::default() }
    }

    /// Removes a connection of this worker from all rooms. The calls to their homes must not get lost; the
    /// connection cannot join one of these rooms again before its home has handled the call.
    fn leave_rooms(&mut self, id: ConnectionId) {
        let workers = self.worker.count();
        let mut by_home: HashMap<usize, Vec<Arc<str>>> = HashMap::new();
        for room in self.membership.leave_all(id) {
            if workers == 1 {
                self.rooms.leave(id, &room);
            } else {
                by_home.entry(rooms::home(&room, workers)).or_default().push(room);
            }
        }
        for (home, rooms) in by_home {
            self.worker.call_always(home, move |gateway, _| {
                for room in rooms {
                    gateway.rooms.leave(id, &room);
                }
            });
        }
    }
}

impl Application for Gateway {
    type Session = ();

    fn replaced(&mut self, record: &Record, _: &mut (), _: &mut Effects) {
        self.leave_rooms(record.id());
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, _: &mut Effects) {
        self.leave_rooms(record.id());
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

/// The routes of `serve`, with or without the command that panics.
pub(crate) fn routes(diagnostics: bool) -> &'static Router<Gateway> {
    if diagnostics { &ROUTES_WITH_DIAGNOSTICS } else { &ROUTES }
}

/// The state of `echo`: none.
pub(crate) struct Echo;

impl Application for Echo {
    type Session = ();
}

/// Sends a message back as it came.
pub(crate) fn echo_message(_: &mut Echo, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    // An empty outbox takes any message that is let in. A client that does not read overflows it, and the
    // overflow policy decides what happens then.
    let _ = context.send_message(message.kind, message.payload);
    Outcome::Done
}
