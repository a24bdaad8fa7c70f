//! The admin server of `serve`: who may ask, what it answers, and what it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "generated code, of which a part is used")]
#[path = "../../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

mod access;
mod acts;
mod calls;
mod figures;
mod hostile;
mod lists;
mod page;
mod stage;
mod stalls;
