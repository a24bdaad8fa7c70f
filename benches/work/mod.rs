//! The measured work: inputs, the same at every run, and the work on them. The benchmarks here time it, and
//! `instructions/` counts its instructions.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod frames;
pub(crate) mod heads;
pub(crate) mod hostile;
pub(crate) mod packets;
pub(crate) mod path;
pub(crate) mod routes;
pub(crate) mod timers;
