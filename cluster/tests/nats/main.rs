//! The bus and the cluster on a real NATS server, which fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod bus;
mod certificates;
mod false_server;
mod faults;
mod nodes;
mod relay;
mod server;
