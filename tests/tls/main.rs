//! The same service over TLS.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod client;
mod endings;
mod handshakes;
#[cfg(feature = "proxy-protocol")]
mod proxies;
mod records;
mod server_names;
