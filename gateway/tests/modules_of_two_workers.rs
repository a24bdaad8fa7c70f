//! The modules of `sysconn serve` once more, where rooms, roles and connections are on two workers.

#[path = "modules.rs"]
mod modules;
