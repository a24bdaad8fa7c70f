//! Roles, topics and operators' requests of several `sysconn` machines, over NATS.
//!
//! ```text
//! game ── role entered, publish, … ──▶ Cluster ──▶ Node ──▶ messages ──▶ Bus ──▶ other nodes
//! game ◀── Host: close, push, … ◀──── Cluster ◀── Node ◀── messages ◀── Bus ◀── other nodes
//! ```
//!
//! A `Node` is a pure machine: inputs with the time, and what follows from them. [`Cluster`] joins it with a
//! [`Bus`](bus::Bus), which is NATS (feature `nats`, on by default) or, in tests, a
//! [network of one process](bus::local), and with the game, a [`Host`]. It knows nothing of connections or
//! packets: roles and connections are numbers, and pushes are a command and bytes.
//!
//! What is promised, and the wire format, is in `docs/cluster.md`.
//!
//! A push to a role on another machine:
//!
//! ```
//! # use std::sync::{Arc, Mutex};
//! # use bytes::Bytes;
//! # use sysconn_cluster::bus::local::LocalNet;
//! # use sysconn_cluster::*;
//! /// A game that notes what it is told.
//! #[derive(Default)]
//! struct Game(Mutex<Vec<(u64, Bytes)>>);
//!
//! impl Host for Game {
//!     fn push(&self, role_id: u64, _: Holder, push: Delivery) {
//!         // With `sysconn`: `ServerHandle::send_to_role`, and `push.refuse()` if that fails.
//!         self.0.lock().unwrap().push((role_id, push.data));
//!     }
//!
//!     fn publish(&self, _: TopicRef<'_>, _: Delivery) {
//!         // `ServerHandle::publish`.
//!     }
//!
//!     fn close_replaced(&self, _: u64, _: Holder) {
//!         // `ServerHandle::replace_role`.
//!     }
//! #   fn blacklist_changed(&self, _: &[BlacklistRecord]) {}
//! #   fn blacklist_cleared(&self, _: &Stamp) {}
//! #   fn request(&self, _: Request, _: Responder) {}
//! }
//! #
//! # struct NetTime(Arc<LocalNet>);
//! # impl Time for NetTime {
//! #     fn now(&self) -> Moment {
//! #         let now_ms = self.0.now_ms();
//! #         Moment { wall_ms: now_ms, elapsed_ms: now_ms, ..Moment::default() }
//! #     }
//! # }
//!
//! // Two nodes on a network of this process; on NATS, `Cluster::start` starts one.
//! let net = LocalNet::new(1);
//! let start = |name| {
//!     let (bus, game) = (net.join(), Arc::new(Game::default()));
//!     let config = Config { names: Names::new("game", name).unwrap(), blacklist: vec![], cleared: None };
//!     let started = Cluster::with_bus(config, bus.clone(), Arc::new(NetTime(net.clone())), game.clone());
//!     bus.attach(started.inbox);
//!     (started.cluster, game)
//! };
//! let ((a, _), (b, game)) = (start("a"), start("b"));
//! net.run_until(5_000);
//!
//! // What `Presence::role_entered` was told on one machine.
//! b.role_entered(7, Holder { connection: 1, claim: 1 });
//! net.run_until(5_010);
//!
//! assert!(b.holds_role(7) && !a.holds_role(7));
//! assert_eq!(a.push_to_role(7, 1210, "hello"), Ok(Sent::Node(b.name().clone())));
//! net.run_until(5_020);
//! assert_eq!(*game.0.lock().unwrap(), [(7, Bytes::from("hello"))]);
//! ```

mod blacklist;
pub mod bus;
mod clock;
mod cluster;
mod core;
mod counters;
mod hash;
mod holder;
mod host;
mod interest;
mod line_limit;
mod members;
mod moment;
mod names;
#[cfg(feature = "nats")]
pub mod nats;
mod node;
mod requests;
mod roles;
mod stamp;
#[cfg(feature = "nats")]
mod start;
mod status;
mod stored;
#[cfg(feature = "nats")]
mod system_clock;
mod topic;
pub mod wire;

pub use crate::core::Time;
pub use blacklist::{BlacklistRecord, MAX_RECORDS, REMOVAL_MS};
pub use bus::SendError;
pub use clock::{Clock, Drift, MAX_AHEAD_MS, WARN_AHEAD_MS, clock_at, wall_ms};
pub use cluster::{Cluster, Config, Join, REQUEST_TIMEOUT, Sent, Started};
pub use counters::{Counters, Direction, REASONS, Reason};
pub use hash::{BUCKETS, SHARDS, bucket_of, shard_of};
pub use holder::Holder;
pub use host::{Delivery, Held, Host, MAX_INBOUND_BYTES, Request, Responder};
pub use members::{GONE_AFTER_MS, HEARTBEAT_MS, MAX_NODES, NodeStatus};
pub use moment::Moment;
pub use names::{MAX_NAME_BYTES, NameError, Names, NodeName};
pub use node::{DIGEST_MS, NAME_MS};
pub use requests::{
    Answered, Answers, MAX_WAITING_REQUESTS, RoleIdAnswer, RoleIdRequest, UsedTokenAnswer, UsedTokenRequest,
    What,
};
pub use stamp::Stamp;
#[cfg(feature = "nats")]
pub use start::StartError;
pub use status::{Figures, Status};
pub use topic::{MAX_TOPIC_BYTES, TopicRef};

/// The target of log lines.
const LOG: &str = "sysconn_cluster";
