//! Topics over real sockets: who is reached by a publish, and in which order, on one worker and on several.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod club;
mod ends;
mod own;
mod presence;
mod reserve;
mod server;
mod turns;
mod workers;
