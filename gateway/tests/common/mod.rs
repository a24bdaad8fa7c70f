//! Shared code of the program's tests: that of the library's tests, and the program as a process.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../tests/common/mod.rs"]
mod library;
mod output;
mod program;

pub(crate) use library::*;
pub(crate) use output::{check_full_disk, check_output};
pub(crate) use program::Program;
