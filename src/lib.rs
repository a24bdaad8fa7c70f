//! The connection layer of a game server.
pub mod config;
