//! Servers, and a client that logs in and sends the messages of the modules.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::common::{Client, Program, Reply};
use super::messages::{Connection, Kind, account, monitor, room};

/// The Flag of every request here.
pub(crate) const FLAG: u32 = 0x8000_0001;

/// Whether there is one worker only.
pub(crate) fn alone() -> bool {
    env!("CARGO_CRATE_NAME") == "modules"
}

pub(crate) fn serve() -> Program {
    serve_with(&[])
}

pub(crate) fn serve_with(more: &[&str]) -> Program {
    let workers = if alone() { "1" } else { "2" };
    Program::start(&[&["serve", "--listen", "127.0.0.1:0", "--workers", workers], more].concat())
}

/// A login that is accepted.
pub(crate) fn game(role_id: u64) -> account::Login {
    account::Login {
        account: format!("account-{role_id}"),
        platform: "platform".into(),
        zone_id: 3,
        role_id,
        kind: Kind::GameServer.into(),
        ..account::Login::default()
    }
}

pub(crate) fn monitor(role_id: u64) -> account::Login {
    account::Login { kind: Kind::Monitor.into(), ..game(role_id) }
}

/// Connected and logged in.
pub(crate) fn enter(program: &Program, login: &account::Login) -> Client {
    let mut client = Client::connect(program.address());
    let accepted: account::LoggedIn = client.ask(1002, login);
    assert_eq!((accepted.role_id, &accepted.account), (login.role_id, &login.account));
    client
}

impl Client {
    /// Sends a request and reads what comes next, which must be its answer.
    pub(crate) fn answer(&mut self, cmd: u16, message: &impl Message) -> Reply {
        self.send_packet(cmd, FLAG, &message.encode_to_vec());
        self.reply()
    }

    /// The message in the answer.
    pub(crate) fn ask<M: Message + Default>(&mut self, cmd: u16, message: &impl Message) -> M {
        let reply = self.answer(cmd, message);
        assert_eq!((reply.error_id, reply.flag, reply.cmd), (0, FLAG, cmd));
        M::decode(reply.data.as_slice()).unwrap()
    }

    pub(crate) fn expect_done(&mut self, cmd: u16, message: &impl Message) {
        assert_eq!(self.answer(cmd, message), Reply::new(cmd, FLAG, b""));
    }

    pub(crate) fn expect_refusal(&mut self, cmd: u16, message: &impl Message, error_id: u16, case: &str) {
        assert_eq!(self.answer(cmd, message), Reply::refusal(cmd, FLAG, error_id), "{case}");
    }

    pub(crate) fn join(&mut self, room: &str) -> u32 {
        self.ask::<room::Joined>(1201, &room::Join { room: room.into() }).members
    }

    pub(crate) fn leave(&mut self, room: &str) -> u32 {
        self.ask::<room::Left>(1202, &room::Leave { room: room.into() }).members
    }

    /// Enters a room, and checks whether it has other members. With one worker it may have none.
    pub(crate) fn is_only_one_in(&mut self, room: &str) -> bool {
        let members = self.join(room);
        assert!(members == 1 || !alone(), "{members}");
        members == 1
    }

    /// The text of another member must come next.
    pub(crate) fn hear(&mut self, said: &room::Said) {
        assert_eq!(self.reply(), Reply::new(1210, 0, &said.encode_to_vec()));
    }

    pub(crate) fn page(&mut self, offset: u32, limit: u32) -> monitor::ConnectionPage {
        self.ask(9002, &monitor::Connections { offset, limit, ..monitor::Connections::default() })
    }

    /// The connection of a role, as the monitor sees it.
    pub(crate) fn find(&mut self, role_id: u64) -> Option<Connection> {
        self.page(0, 0).connection.into_iter().find(|connection| connection.role_id == role_id)
    }
}

pub(crate) fn said(room: &str, role_id: u64, text: &str) -> room::Said {
    room::Said { room: room.into(), role_id, text: text.into() }
}

#[expect(clippy::disallowed_methods, reason = "the clock that the server is to show")]
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
