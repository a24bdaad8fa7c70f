//! The connection layer of a game server.

pub mod frame;
pub mod config;
pub mod upgrade;
