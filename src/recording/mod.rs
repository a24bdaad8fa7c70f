//! The flight recorder: a connection's inputs and actions, in a bounded file.
//!
//! ```text
//!   conn ─ notes ─▶ recorder ─ chunks ─▶ store ─▶ file        while it happens
//!   file ─▶ replay ─▶ conn ─ notes ─▶ source ─▶ compared      later
//! ```
//!
//! A replay gives the same inputs to the same state machine, and records it again: the first different note
//! shows where today's code behaves differently. `docs/recording.md` describes the format.

pub(crate) mod codes;
mod directory;
pub(crate) mod excess;
pub(crate) mod file;
pub(crate) mod frame;
mod mask;
pub(crate) mod note;
mod recorder;
mod replay_source;
mod store;
pub(crate) mod wire;

pub(crate) use recorder::{LATE_MS, Recorded, Recorder, Target};
pub(crate) use replay_source::{ReplaySource, Sent};
pub(crate) use store::Store;
