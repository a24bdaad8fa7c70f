//! Logins by handlers, effects and tickets: when they count, and who is told of them.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod effects;
mod replaced;
mod town;
