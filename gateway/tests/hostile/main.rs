//! Hostile clients against the real program, over real sockets. Each case has an id. After each the program
//! serves others as before, has lost no descriptors, and sleeps while idle.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod catalogue;
mod closes;
mod compression;
mod fragments;
mod frames;
mod handshake;
mod heads;
mod logs;
mod packets;
mod panics;
mod proxies;
mod resources;
mod slots;
mod stage;
mod text;
mod timeouts;
mod tls;
mod unix;
