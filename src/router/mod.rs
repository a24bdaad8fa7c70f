//! Routing: from the command number of a packet to the function that handles it.
//!
//! A [`Router`] is a table of [`Module`]s, and a module is a table of [`Route`]s. `Cmd / 100` is the module
//! and `Cmd % 100` the route in it, so that a look-up costs the same for any number of routes. The tables are
//! `static`s; a command that is listed twice, or in the wrong module, does not compile.
//!
//! A handler gets the application's state, the [`Request`], and a [`Context`]. Its replies and [`Effects`] go
//! to buffers as data; the reactor carries them out after it has returned.

mod access;
mod application;
mod borrowed;
mod context;
mod effect;
mod error;
mod job;
mod outcome;
mod places;
mod request;
mod send_buffer;
mod table;
mod tools;
mod typed;

pub use access::Access;
pub use application::{Application, Message, MessageHandler, MessageKind, Service};
pub(crate) use borrowed::{Borrowed, MAX_BORROWED, MIN_BORROWED_BYTES, Origin};
pub use context::Context;
pub(crate) use context::Deferral;
pub(crate) use effect::Effect;
pub use effect::Effects;
pub use error::{NoRole, SendError};
pub(crate) use job::{COMPRESSED_BYTES_PER_FRAME, COMPRESSES, JOB_BYTES, Job, SLICE_BYTES, cost_of};
pub use outcome::Outcome;
pub(crate) use places::Place;
pub use request::Request;
pub(crate) use send_buffer::{Made, SendBuffer};
pub use table::{Handler, Module, Route, Router};
pub(crate) use tools::{Limits, Tools};
