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
