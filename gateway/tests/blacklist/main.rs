//! The black list, in the real program: who gets on it, whom it bars, and what operators do with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "../common/jwt.rs"]
mod jwt;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "generated code, of which each test uses a part")]
#[path = "../../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

mod commands;
mod offenders;
mod operators;
mod stage;
