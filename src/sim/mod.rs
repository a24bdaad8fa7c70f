//! A simulated network under the real reactor, for tests of games and of this library (feature `sim`).
//!
//! A reactor that is made by [`Reactor::simulated`](crate::Reactor::simulated) is the one that serves in
//! production, down to its system calls. What these come to a [`Network`] decides: who connects, what has
//! arrived, how much a write takes, what the poll tells, what time it is. All of it follows from a seed and
//! from what the test does, so that a run which went wrong goes wrong again in the same way; an hour of it
//! takes as long as what happens in it. Threads have no part in it.
//!
//! - **Clients** are byte streams: a [`Client`] sends, receives, ends its side, resets, or reads no more.
//! - **Time** passes while the reactor polls, up to the next thing that happens, or by [`Network::advance`].
//! - **Edges** come as epoll gives them: once, for what is new. A reactor that forgets to read on is not
//!   reminded.
//! - **Faults** happen with the probability that [`Faults`] gives them, and are counted by kind: see [`Fault`].
//! - **Books** are kept of what the server does: [`Ledger`] and [`Activity`].
//!
//! Not simulated are TLS, several workers, latency and bandwidth, and what threads do at the same time.
//!
//! # Example
//!
//! A game of one command, and a client whose line loses no byte but brings nothing whole.
//!
//! ```
//! use std::time::Duration;
//! use sysconn::frame::{Opcode, push_masked_frame};
//! use sysconn::packet::{self, push_request};
//! use sysconn::sim::{Faults, Network};
//! use sysconn::{Access, Application, Config, Module, Peer, Reactor, Route, Router};
//!
//! struct Game;
//! impl Application for Game {}
//! static ECHO: Module<Game> = Module::new(
//!     21,
//!     "echo",
//!     [Route::new(2101, "echo", Access::Anyone, |_, request, context| context.reply(request.data()))],
//! );
//! static ROUTES: Router<Game> = Router::new([&ECHO]);
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::new(7);
//! let mut reactor = Reactor::simulated(&Config::default(), &ROUTES, Game, &network)?;
//! network.set_faults(Faults::harmless(0.2));
//!
//! let mut bytes = b"GET / HTTP/1.1\r\nHost: game\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".to_vec();
//! let mut request = vec![];
//! let packet = packet::Request { data_status: 0, flag: 1, cmd: 2101, data: b"anybody there?" };
//! push_request(&mut request, &packet);
//! push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &request);
//!
//! let mut client = network.connect(Peer::Ip([192, 0, 2, 1].into(), 50_000))?;
//! client.send(&bytes);
//! let mut received = vec![];
//! while !received.ends_with(b"anybody there?") {
//!     reactor.turn(Some(Duration::from_millis(10)))?;
//!     client.receive(&mut received);
//! }
//! assert!(received.starts_with(b"HTTP/1.1 101 "));
//! assert_eq!(network.ledger().accepted, 1);
//! println!("after {:?}, with these faults: {}", network.now(), network.injected());
//! # Ok(())
//! # }
//! ```

mod auditor;
mod canary;
mod client;
mod ending;
mod fault;
mod flags;
mod invariant;
mod ledger;
mod link;
mod listener;
mod network;
mod oracle;
mod places;
mod player;
mod poll;
mod random;
mod receiver;
mod report;
mod run;
mod script;
mod seat;
mod simulation;
mod socket;
pub mod stock;
#[cfg(test)]
mod tests;
mod watch;
mod world;

pub use canary::Canary;
pub use client::{Client, ConnectError, Line};
pub use fault::{Fault, Faults, Injected};
pub use invariant::{Invariant, Violation};
pub use ledger::{Activity, Ledger, Traffic};
pub use network::{Buffers, Network};
pub use oracle::Expected;
pub use player::Player;
pub use random::Random;
pub use report::{Failure, Report};
pub use script::{End, Next, Script};
pub use simulation::{Simulated, Simulation};

pub(crate) use link::Readiness;
pub(crate) use listener::SimulatedListener;
pub(crate) use network::SimulatedSpare;
pub(crate) use socket::SimulatedSocket;
pub(crate) use watch::{closed, expired, linked, opened, sings, told};
