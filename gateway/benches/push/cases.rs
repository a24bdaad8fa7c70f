//! The cases: who pushes how much, by which call, to how many.

use super::fleet::packet;
use super::game;

/// Commands of `sysconn serve`.
const SAY: u16 = 1203;

/// Who serves.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    /// The program: a room of the gateway, which is a topic.
    Serve { workers: usize },
    /// A game in this process, which pushes by the library's calls.
    Game { workers: usize },
}

impl Server {
    /// How its clients become members.
    pub(crate) const fn greeting(self) -> &'static str {
        match self {
            Server::Serve { .. } => "1002",
            Server::Game { .. } => "2301",
        }
    }
}

/// One row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    pub(crate) members: usize,
    /// Clients that send the trigger at once.
    pub(crate) clients: usize,
    /// What each of them sends.
    cmd: u16,
    /// How often it sends it, in one write.
    requests: usize,
    /// Bytes of what is said.
    text: usize,
    /// Pushes that all of this causes.
    pub(crate) pushes: usize,
    /// How often this happens in a round, one after the other.
    pub(crate) times: usize,
}

/// Pushes in a row.
pub(crate) const IN_A_ROW: usize = 16;
const FEW: usize = 1000;
const MANY: usize = 10_000;

const fn one(name: &'static str, text: usize) -> Case {
    let server = Server::Serve { workers: 1 };
    Case { name, server, members: MANY, clients: 1, cmd: SAY, requests: 1, text, pushes: 1, times: 8 }
}

const fn row(name: &'static str, server: Server, cmd: u16, requests: usize) -> Case {
    Case { name, server, members: FEW, clients: 1, cmd, requests, text: 32, pushes: IN_A_ROW, times: 16 }
}

const SERVE: Server = Server::Serve { workers: 1 };
const GAME: Server = Server::Game { workers: 1 };
const GAME_2: Server = Server::Game { workers: 2 };

pub(crate) static CASES: [Case; 16] = [
    one("one of 32 B", 32),
    one("one of 1024 B", 1024),
    one("one of 8000 B", 8000),
    row("16 requests of a member: serve", SERVE, SAY, IN_A_ROW),
    Case { members: MANY, ..row("16 requests of a member: serve, to 10,000", SERVE, SAY, IN_A_ROW) },
    Case { clients: IN_A_ROW, ..row("16 members, a request each: serve", SERVE, SAY, 1) },
    row("16 requests of a member: serve, 2 workers", Server::Serve { workers: 2 }, SAY, IN_A_ROW),
    row("16 requests of a member: broadcast", GAME, game::BROADCAST, IN_A_ROW),
    row("one request: 16 broadcasts", GAME, game::BROADCASTS, 1),
    row("one request: 16 publishes", GAME, game::PUBLISHES, 1),
    row("another thread: 16 publishes", GAME, game::THREAD_PUBLISHES, 1),
    row("another thread: 16 calls that broadcast", GAME, game::THREAD_CALLS, 1),
    row("another thread: 16 times a send to each", GAME, game::THREAD_SENDS, 1),
    row("one request: 16 publishes, 2 workers", GAME_2, game::PUBLISHES, 1),
    row("another thread: 16 publishes, 2 workers", GAME_2, game::THREAD_PUBLISHES, 1),
    row("another thread: 16 times a send to each, 2 workers", GAME_2, game::THREAD_SENDS, 1),
];

impl Case {
    /// What one client sends.
    pub(crate) fn trigger(&self) -> Vec<u8> {
        let data = match self.server {
            Server::Serve { .. } => {
                let mut data = vec![0x0a, 1, b'r', 0x12];
                varint(self.text, &mut data);
                data.extend(vec![b'x'; self.text]);
                data
            }
            Server::Game { .. } => vec![b'x'; self.text],
        };
        packet(self.cmd, &data).repeat(self.requests)
    }

    /// Bytes that each member gets for one trigger. The one who says something has role 1 or above.
    pub(crate) fn pushed_bytes(&self) -> usize {
        let mut payload = 11 + self.text;
        if let Server::Serve { .. } = self.server {
            let mut data = vec![0x0a, 1, b'r', 0x10, 1, 0x1a];
            varint(self.text, &mut data);
            payload += data.len();
        }
        self.pushes * (payload + if payload < 126 { 2 } else { 4 })
    }

    /// Bytes of the empty replies of `serve`.
    pub(crate) fn reply_bytes(&self) -> usize {
        match self.server {
            Server::Serve { .. } => 13 * self.clients * self.requests,
            Server::Game { .. } => 0,
        }
    }
}

/// A number as protobuf has it.
pub(crate) fn varint(mut number: usize, data: &mut Vec<u8>) {
    while number > 127 {
        data.push(number as u8 | 128);
        number >>= 7;
    }
    data.push(number as u8);
}
