//! Metrics against what clients have counted, over real sockets; and the pulse of a reactor that hangs.

#![cfg(feature = "metrics")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod agreement;
mod pulse;
mod text;
