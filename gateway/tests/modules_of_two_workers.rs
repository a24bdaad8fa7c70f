//! The tests of `modules` with rooms, roles and connections on two workers.

#[path = "modules/main.rs"]
mod modules;
