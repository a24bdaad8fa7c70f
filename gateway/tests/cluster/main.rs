//! Several programs that serve one game over NATS, as their clients see it. It needs `nats-server`.

#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../cluster/tests/nats/certificates.rs"]
mod certificates;
#[path = "../modules/client.rs"]
#[allow(dead_code, reason = "of which a part is used")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../../cluster/tests/nats/false_server.rs"]
#[allow(dead_code, reason = "of which a part is used")]
mod false_server;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "generated code, of which a part is used")]
#[path = "../../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;
#[path = "../../../cluster/tests/nats/server.rs"]
#[allow(dead_code, reason = "of which a part is used")]
mod nats;
mod nodes;
#[path = "../wechat/platform.rs"]
#[allow(dead_code, reason = "of which a part is used")]
mod platform;
#[path = "../../../cluster/tests/nats/relay.rs"]
mod relay;

mod access;
mod accounts;
mod blacklist;
mod faults;
mod game;
mod invariants;
mod monitor;
mod restarts;
mod roles;
mod rooms;
mod strangers;
