//! Several workers that are one server, over real sockets: the kernel chooses a client's worker, and clients
//! see no difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod ends;
mod limits;
mod logins;
mod presence;
mod roles;
mod server;
mod ticks;
mod town;
mod traffic;
