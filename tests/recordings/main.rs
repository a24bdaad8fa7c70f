//! Connections of a real server are recorded, and their recordings replayed: they contain no secrets, and the
//! replays show no difference.

#![cfg(all(feature = "deflate", feature = "proxy-protocol", feature = "zlib"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod bounds;
mod changes;
mod hostile;
mod proxies;
#[cfg(feature = "sim")]
mod random;
mod recorded;
mod secrets;
mod sessions;
#[cfg(feature = "sim")]
mod stalls;
#[cfg(feature = "sim")]
mod tickets;
