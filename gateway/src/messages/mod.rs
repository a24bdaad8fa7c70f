//! The messages of the modules that `serve` brings: `proto/sysconn.proto` in Rust.

#[allow(dead_code, unreachable_pub, reason = "generated code, of which the program uses a part")]
#[rustfmt::skip]
mod generated;

pub(crate) use generated::*;
