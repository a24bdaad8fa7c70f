//! The program as a process: its output, its exit and its log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod draining;
mod logging;
mod serving;
mod workers;

use common::Program;

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn serve(more: &[&str]) -> Program {
    Program::start(&[&SERVE, more].concat())
}
