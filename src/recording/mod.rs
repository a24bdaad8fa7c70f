//! The flight recorder: all that one connection was given and did, in a bounded file.
//!
//! ```text
//!   conn ─ notes ─▶ recorder ─ chunks ─▶ store ─▶ file        while it happens
//!   file ─▶ replay ─▶ conn ─ notes ─▶ source ─▶ compared      later
//! ```
//!
//! A recording is replayed by giving the same to the same machine, and recording that again: the first note
//! that differs is where the code of today does something else. `docs/recording.md` has the format.

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
