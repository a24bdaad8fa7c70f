//! The connection layer of a game server: WebSocket clients, packets, and handlers for their commands.
//!
//! A [`Reactor`] accepts WebSocket clients (RFC 6455), takes packets from their binary messages, calls the
//! handler of each packet's command, and sends replies and pushes. It is one thread with one
//! [mio](https://docs.rs/mio) poll, and needs no async runtime; [`Workers`] run one reactor on each core.
//!
//! # Example
//!
//! The application provides its state, which implements [`Application`], and a `static` [`Router`] with its
//! handlers. Handlers get the state mutably, one call at a time, so nothing needs a lock:
//!
//! ```no_run
//! use sysconn::{Access, Application, Config, Context, Module, Outcome, Reactor, Request, Route, Router};
//!
//! struct Game {
//!     greetings: u32,
//! }
//!
//! impl Application for Game {
//!     type Session = ();
//! }
//!
//! fn greet(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
//!     game.greetings += 1;
//!     context.reply(request.data())
//! }
//!
//! // Command 2001 is number 1 of module 20.
//! static LOBBY: Module<Game> = Module::new(20, "lobby", [Route::new(2001, "greet", Access::Anyone, greet)]);
//! static ROUTES: Router<Game> = Router::new([&LOBBY]);
//!
//! let mut reactor = Reactor::bind(&Config::default(), &ROUTES, Game { greetings: 0 })?;
//! println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of a packet
//!
//! ```text
//!     socket ─ reactor ─▶ conn ─▶ frame ─▶ packet ─▶ router ─▶ handler
//!                                                                │ replies, as data
//!     socket ◀─ reactor ◀─ outbox ◀── frame ◀── packet ◀─────────┘
//! ```
//!
//! Only the reactor knows sockets and the clock; the layers below it work on bytes. A handler does not call
//! back into them: it returns an [`Outcome`], and leaves its replies in the [`Context`] and its requests for
//! other connections in [`Effects`]. The reactor carries both out after the handler has returned.
//!
//! # Where to find what
//!
//! `docs/embedding.md` in the repository is a guide: a small game in ten steps.
//!
//! - [`Config`] and [`config`]: every limit and timer, with units and defaults.
//! - [`Reactor`], [`Workers`]: binding and running, on a thread of its own or turn by turn in a loop of
//!   yours.
//! - [`upgrade`]: the HTTP/1.1 handshake of a WebSocket.
//! - [`frame`]: the codec of RFC 6455, without I/O; it can be used alone.
//! - [`packet`]: packet headers, and the encoding of their Data.
//! - [`Router`], [`Module`], [`Route`], [`handler!`], [`typed!`]: from a command to its handler.
//!   [`Service::Any`] and [`Service::Messages`] do without a table.
//! - [`Application`]: the state and its hooks. [`Session`](Application::Session) is what belongs to one
//!   connection, [`tick`](Application::tick) is called on the grid of [`Config::tick`].
//! - [`Context`], [`Effects`], [`Push`]: what handlers and hooks can do.
//! - [`Topic`]: connections [subscribe](Context::subscribe), and a [publish](Effects::publish) reaches all
//!   subscribers on all workers.
//! - [`Record`], [`Login`], [`Cause`]: the facts about a connection, and why it ended.
//! - [`Ticket`], [`LoginTicket`]: requests that are [answered later](Context::defer), and logins that are
//!   [decided later](Context::defer_login).
//! - [`Handle`], [`ServerHandle`], [`Link`]: connections and the server from other threads.
//! - [`Presence`]: which roles and topics are on this server, for a game on several machines.
//! - [`Survey`], [`Totals`], [`log_line`]: what operators see.
//! - [`replay`]: recordings of connections, run again.
#![cfg_attr(feature = "token", doc = "- [`token`]: login tokens, signed by a service of yours.")]
#![cfg_attr(
    feature = "protobuf",
    doc = "- [`proto!`], [`protobuf`]: handlers of protobuf messages, by [prost](https://docs.rs/prost)."
)]
#![cfg_attr(feature = "metrics", doc = "- [`metrics`]: what is counted and measured, for operators.")]
#![cfg_attr(
    feature = "sim",
    doc = "- [`sim`]: a simulated network, to test a game with thousands of clients."
)]
#![cfg_attr(feature = "client", doc = "- [`client`]: a small blocking client, for tools, tests and bots.")]
//!
//! # Features
//!
//! None is on by default.
//!
//! - `tls`: TLS 1.2 and 1.3 on TCP listeners, by rustls.
//! - `token`: login tokens.
//! - `zlib`: packets with zlib-compressed Data (DataStatus 1).
//! - `deflate`: compression of messages (permessage-deflate, RFC 7692).
//! - `proxy-protocol`: the PROXY protocol, versions 1 and 2.
//! - `protobuf`: protobuf messages in handlers, replies and pushes: `proto!`.
//! - `metrics`: metrics for Prometheus, and the pulse for a watchdog.
//! - `client`: a blocking client.
//! - `sim`: the simulated network.
// Each type in a public signature has a public path.
#![warn(unnameable_types)]
// Code for simulations or compression is always compiled, so that the callers need no conditions. A build
// with all features reports code without any caller.
#![cfg_attr(
    not(all(
        feature = "sim",
        feature = "zlib",
        feature = "deflate",
        feature = "metrics",
        feature = "protobuf"
    )),
    allow(dead_code, reason = "getters that only some features use")
)]

// Configuration, and the vocabulary that all layers share.
mod cause;
pub mod config;
mod id;
mod moment;
mod packed;
mod presence;
mod trusted;

// From bytes to packets and back, without I/O.
mod deflate;
mod forwarded;
pub mod frame;
mod inflate;
pub mod packet;
mod proxy;
#[cfg(feature = "token")]
pub mod token;
pub mod upgrade;

// From packets to handlers, and the API of handlers.
mod object;
#[cfg(feature = "protobuf")]
pub mod protobuf;
mod push;
mod record;
mod router;
mod survey;
mod topics;
mod totals;

// Connections, without I/O.
mod conn;
mod stalls;

// Sockets and threads.
mod handle;
mod mailbox;
mod mailboxes;
mod panics;
mod reactor;
mod roles;
#[cfg(feature = "tls")]
mod tls;
mod workers;

// Beside the server: a client of it.
#[cfg(feature = "client")]
pub mod client;

// Observability: log, recordings, simulations.
mod connection_log;
mod log_limiter;
pub mod log_line;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
#[allow(unreachable_pub, unnameable_types, reason = "without the feature nobody gets any of it")]
mod metrics;
mod observer;
mod recording;
pub mod replay;
#[cfg(feature = "sim")]
pub mod sim;
mod slow_calls;

/// Parts for this package's own benchmarks and fuzz targets. They may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::deflate::{Agreement, Deflate, SharedCodecs, Window, negotiate};
    pub use crate::forwarded::client as forwarded_client;
    pub use crate::proxy::{Header, HeaderReader};
    pub use crate::reactor::wheel::{Step, Wheel};
}

pub use cause::{Cause, Reconnect};
pub use config::Config;
pub use handle::{CallError, Handle, HandleError, LoginTicket, ServerHandle, Ticket};
pub use id::ConnectionId;
pub use mailbox::MailboxError;
pub use moment::Moment;
pub use object::Link;
pub use panics::keep_panic;
pub use presence::{Presence, RoleClaim};
pub use push::Push;
pub use reactor::sys::unix_listener::{SocketFile, listen_unix};
pub use reactor::{BindError, Reactor, Turn};
pub use record::{ClientKind, Custodian, Identity, Login, Peer, Record};
pub use router::{
    Access, Application, Context, Effects, Handler, IntoOutcome, LoginError, Message, MessageHandler,
    MessageKind, Module, Outcome, Request, Route, RouteInfo, Router, SendError, Service, Tick,
    UseHandleOrDefer,
};
#[doc(hidden)]
pub use router::{HandlerFunction, MessageFunction, MessageRequestFunction};
pub use survey::{Snapshot, Survey};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use topics::{PublishError, SubscribeError, Topic, TopicError, TopicName};
pub use totals::Totals;
pub use workers::{Worker, Workers};

/// Compiles the examples in the README and in docs/embedding.md. The steps of the latter, which build on each
/// other, are compiled by tests/guide.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/embedding.md")]
struct Readme;
