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
//! There are two ways to use it. A [`Simulation`] runs a game's own handlers under many clients, each of which
//! follows a [`Script`] that knows what it is to be sent: after every turn it checks that no reply was lost,
//! doubled, misdirected or out of order, that connections end once and as they should, that nothing is held
//! without bound; and at the end that nothing is left over. `examples/simulation.rs` is one, with faults of
//! many kinds. A test that decides on each step itself holds a [`Network`], its [`Client`]s and the
//! [`Reactor`](crate::Reactor), and turns that by hand.
//!
//! # Example
//!
//! ```
//! use sysconn::sim::{Faults, Next, Player, Script, Simulated, Simulation};
//! use sysconn::{Access, Application, Module, Route, Router};
//!
//! struct Game;
//! impl Application for Game {}
//! impl Simulated for Game {}
//! static ECHO: Module<Game> = Module::new(
//!     21,
//!     "echo",
//!     [Route::new(2101, "echo", Access::Anyone, |_, request, context| context.reply(request.data()))],
//! );
//! static ROUTES: Router<Game> = Router::new([&ECHO]);
//!
//! /// Connects, asks once, and leaves.
//! struct Visitor {
//!     acts: u32,
//! }
//!
//! impl Script for Visitor {
//!     fn act(&mut self, visitor: &mut Player) -> Next {
//!         self.acts += 1;
//!         match self.acts {
//!             1 => visitor.upgrade(),
//!             2 => visitor.call(2101, b"anybody there?", b"anybody there?"),
//!             _ => {
//!                 visitor.close(1000);
//!                 return Next::Rest;
//!             }
//!         }
//!         Next::Answered
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut simulation = Simulation::new(7);
//! simulation.faults = Faults::harmless(0.1);
//! let report = simulation.run(&ROUTES, Game, |_, _| Box::new(Visitor { acts: 0 }))?;
//! assert_eq!(report.replies, 100);
//! # Ok(())
//! # }
//! ```

mod auditor;
mod client;
mod ending;
mod farewell;
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
mod reactor;
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
