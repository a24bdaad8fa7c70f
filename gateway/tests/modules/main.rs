//! The modules that `sysconn serve` brings, in the program over sockets: with one worker, and as a part of
//! `modules_of_two_workers` with two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "generated code, of which each test uses a part")]
#[path = "../../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

mod account;
mod client;
mod monitor;
mod rooms;
