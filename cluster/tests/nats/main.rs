//! The bus and the cluster on a real NATS server, which fails.

mod access;
mod bus;
mod faults;
mod nodes;
mod relay;
mod server;
