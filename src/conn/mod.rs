//! One connection, without its socket: bytes and time go in, bytes to write and effects come out.
//!
//! ```text
//!   accepted from a
//!    trusted proxy
//!          │
//!          ▼
//!    ┌───────────┐
//!    │  Proxied  │ ───────┐
//!    └───────────┘        │
//!          │ PROXY header │
//! accepted │ complete     │
//!   ─────▶ ▼              │         ┌──────┐ close(cause) ┌─────────┐ the client's Close, FIN, ┌────────┐
//!    ┌───────────┐ 101    │         │      │ ───────────▶ │         │ its end, or time         │        │
//!    │ Upgrading │ ───────┼───────▶ │ Open │              │ Closing │ ───────────────────────▶ │ Closed │
//!    └───────────┘        │         └──────┘              └─────────┘                          └────────┘
//!          └──────────────┴─ refusal: 400 … 503 ──────────────▲
//! ```
//!
//! The frame decoder of an open connection has its own state machine, ReadHead → ParsePayloadLen → ReadData;
//! the two share no field. A connection knows no socket, no clock and no other connection: the same code runs
//! under the reactor, a fuzzer, or a simulation.
//!
//! The reactor reports each event by an [`Input`](input::Input), and then writes the connection's part of the
//! write buffer. [`Conn::wants_read`], [`Conn::next_deadline`] and [`Conn::cause`] say what to do next. While
//! a connection is recorded, an observer ([`observer`]) notes each input and its results.

mod answers;
mod before_upgrade;
mod closing;
mod compressing;
mod connection;
mod deadlines;
mod deferrals;
mod dispatch;
mod env;
mod frames;
mod head_checks;
mod inbox;
mod inflate_job;
mod inflaters;
mod inflating;
mod input;
mod lifecycle;
mod logins;
mod noted_login;
mod observed_dispatch;
mod observed_inputs;
mod observer;
mod outbox;
mod output_slices;
mod packets;
mod phase;
mod pushes;
mod rare_state;
mod read_policy;
mod replay;
mod sample;
mod settings;
mod short_packets;
mod slow_client;
mod snapshot;
mod timers;
mod upgrading;

#[cfg(test)]
mod tests;

pub(crate) use closing::SocketReport;
pub(crate) use connection::Conn;
pub(crate) use env::Env;
pub(crate) use input::Progress;
pub(crate) use noted_login::login_of;
pub(crate) use observed_dispatch::access_of;
pub(crate) use outbox::{MAX_SLICES, Outbox};
pub(crate) use output_slices::OutputSlices;
pub(crate) use read_policy::LARGE_READ_BYTES;
pub(crate) use replay::recorded_wait;
pub(crate) use sample::Outgoing;
pub(crate) use settings::{Draining, Settings};
