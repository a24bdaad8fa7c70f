//! Several workers that are one server, over real sockets: the kernel chooses the worker of a client, and
//! clients cannot tell.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod ends;
mod limits;
mod roles;
mod server;
mod town;
mod traffic;
