//! The connection layer of a game server: WebSocket clients in, packets routed to handlers, replies
//! and pushes back, all on one thread.
//!
//! ```text
//!     socket ─ reactor ─▶ conn ─▶ frame ─▶ packet ─▶ router ─▶ handler
//!                                                                │ replies, as data
//!     socket ◀─ reactor ◀─ outbox ◀── frame ◀── packet ◀─────────┘
//! ```
//!
//! A game brings its state, which implements [`Application`], and handlers, which it lists in a
//! `static` [`Router`]; a [`Reactor`] does the rest, on a thread of its own or turn by turn within
//! a loop that the game has already. Nobody is called back from within a call: a handler returns an
//! [`Outcome`] and leaves what it wants sent in the [`Context`] that it was given.
//!
//! The modules, in the order in which a packet meets them:
//!
//! - [`config`]: every limit and timer;
//! - [`upgrade`]: the HTTP/1.1 handshake;
//! - [`frame`]: RFC 6455, sans-IO, usable on its own;
//! - [`packet`]: the 9- and 11-byte headers, and how Data is encoded;
//! - the router's types, re-exported here;
//! - [`Handle`], [`ServerHandle`] and [`Ticket`], for other threads;
//! - [`log_line`]: how lines of the log are written.
#![cfg_attr(feature = "token", doc = "- [`token`]: logins that are signed;")]
#![cfg_attr(feature = "sim", doc = "- [`sim`]: a simulated network, to test a game on.")]
// What simulations ask of a connection is compiled always, so that the connection need not know of them.
#![cfg_attr(not(feature = "sim"), allow(dead_code, reason = "getters that only simulations use"))]

pub mod config;
pub mod frame;
pub mod log_line;
pub mod packet;
pub mod replay;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "token")]
pub mod token;
pub mod upgrade;

/// Parts that this package's own benchmarks and fuzz targets look at. No promise is made about them.
#[doc(hidden)]
pub mod internals {
    pub use crate::deflate::{Agreement, Deflate, Shared, Window, negotiate};
    pub use crate::forwarded::client as forwarded_client;
    pub use crate::proxy::{Header, HeaderReader};
    pub use crate::reactor::wheel::{Step, Wheel};
}

mod cause;
mod conn;
mod connection_log;
mod deflate;
mod forwarded;
mod handle;
mod id;
mod inflate;
mod log_limiter;
mod mailbox;
mod mailboxes;
mod moment;
mod object;
mod observer;
mod packed;
mod panics;
mod proxy;
mod push;
mod reactor;
mod record;
mod recording;
mod roles;
mod router;
mod stalls;
mod survey;
#[cfg(feature = "tls")]
mod tls;
mod totals;
mod trusted;
mod workers;

pub use cause::{Cause, Reconnect};
pub use config::Config;
pub use handle::{Handle, HandleError, ServerHandle, Ticket};
pub use id::ConnectionId;
pub use mailbox::MailboxError;
pub use moment::Moment;
pub use object::Link;
pub use panics::keep_panic;
pub use push::Push;
pub use reactor::{BindError, Reactor, Turn};
pub use record::{ClientKind, Custodian, Identity, Login, Peer, Record};
pub use router::{
    Access, Application, Context, Effects, Handler, Message, MessageHandler, MessageKind, Module, NoRole,
    Outcome, Request, Route, Router, SendError, Service,
};
pub use survey::{Snapshot, Survey};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use totals::Totals;
pub use workers::{Worker, Workers};

/// Compiles the examples in the README and in docs/embedding.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/embedding.md")]
struct Readme;
