//! A simulated network under the real reactor, for tests of games and of this library (feature `sim`).
//!
//! A reactor made by [`Reactor::simulated`](crate::Reactor::simulated) is the one that serves in production,
//! down to its system calls. A [`Network`] answers these calls: it decides who connects, what has arrived,
//! how much a write takes, what the poll reports, and what time it is. All of that follows from a seed and
//! from the test's actions, so a failed run fails again in the same way. An hour of simulated time takes as
//! long as what happens in it. There are no threads.
//!
//! - **Clients** are byte streams: a [`Client`] sends, receives, ends its direction, resets, or stops to
//!   receive.
//! - **Time** passes while the reactor polls, up to the next thing that happens, or by [`Network::advance`].
//! - **Edges** come as from epoll: once for each change. A reactor that forgets to read on is not reminded.
//! - **Faults** happen with the probabilities in [`Faults`], and are counted by kind: see [`Fault`].
//! - **Counts** of what the server does: [`Ledger`] and [`Activity`].
//! - **Workers**: with [`Config::workers`](crate::Config::workers), several reactors on one network and one
//!   clock. The seed decides which of them gets a client, and which of them turns next.
//!
//! TLS, latency, bandwidth, and threads that run at the same time are not simulated: a turn of one worker is
//! over before the next one begins.
//!
//! There are two ways to use it. A [`Simulation`] runs a game's own handlers with many clients, each of which
//! follows a [`Script`] that knows what its client is to receive. After every turn it checks that no reply
//! was lost, doubled, misdirected or out of order, that connections end once and as expected, and that memory
//! is bounded; and at the end that nothing is left over. `examples/simulation.rs` is one, with many kinds of
//! faults. A test can act between its turns: see [`Running`]. A test that decides on each step itself holds a
//! [`Network`], its [`Client`]s and the [`Reactor`](crate::Reactor), and calls
//! [`turn`](crate::Reactor::turn).
//!
//! # Example
//!
//! ```
//! use sysconn::sim::{Faults, Next, ScriptRunner, Script, Simulated, Simulation};
//! use sysconn::{Access, Application, Module, Route, Router};
//!
//! struct Game;
//! impl Application for Game {
//!     type Session = ();
//! }
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
//!     fn act(&mut self, visitor: &mut ScriptRunner) -> Next {
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
//! let report = simulation.run(&ROUTES, |_| Game, |_, _| Box::new(Visitor { acts: 0 }))?;
//! assert_eq!(report.replies, 100);
//! # Ok(())
//! # }
//! ```

mod accept_queue;
mod agenda;
mod auditor;
mod buffers;
mod client;
mod client_calls;
mod close_response;
mod connection;
mod expected_replies;
mod fault;
mod flags;
mod incidents;
mod invariant;
mod ledger;
mod listener;
mod network;
mod oracle;
mod outgoing;
mod poll;
mod poll_state;
mod random;
mod reactor;
mod receiver;
mod report;
mod run;
mod run_clients;
mod run_end;
mod running;
mod schedule;
mod script;
mod script_runner;
mod server;
mod session;
mod simulation;
mod socket;
mod start;
pub mod stock;
#[cfg(test)]
mod tests;
mod watch;
mod world;

pub use buffers::Buffers;
pub use client::{Client, ConnectError, StreamState};
pub use expected_replies::Expected;
pub use fault::{Fault, Faults, Injected};
pub use invariant::{Invariant, Violation};
pub use ledger::{Activity, Ledger, Traffic};
pub use network::Network;
pub use random::Random;
pub use report::{Failure, Report};
pub use running::Running;
pub use script::{End, Next, Script};
pub use script_runner::ScriptRunner;
pub use simulation::{Simulated, Simulation};

pub(crate) use connection::Readiness;
pub(crate) use listener::SimulatedListener;
pub(crate) use network::SimulatedSpare;
pub(crate) use socket::SimulatedSocket;
