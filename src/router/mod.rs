//! Routing: from a command number to the function that handles it.
//!
//! A [`Router`] is a table of [`Module`]s, a module a table of [`Route`]s: `Cmd / 100` picks the
//! module, `Cmd % 100` the function in it, so that dispatch costs two look-ups however many routes
//! there are. Tables are built at compile time and kept in `static`s; a command that is listed twice,
//! or under the wrong module, does not compile.
//!
//! Handlers get the request, the application's state and a [`Context`]. Their actions beyond that state are
//! buffered as data, and the reactor carries them out after they have returned.

mod access;
mod after_call;
mod application;
mod borrowed;
mod compress_job;
mod compressor;
mod context;
mod deferral;
mod effect;
mod effects;
mod encoded;
mod error;
mod function;
mod handler_mistakes;
mod into_outcome;
mod leases;
mod listing;
mod mistake;
mod outbox_limit;
mod outcome;
mod own_pushes;
mod publish;
mod refusals;
mod request;
mod send_buffer;
mod send_compressed;
mod sessions;
mod table;
mod tick;
mod tools;
mod typed;
mod write_buffer;

pub use access::Access;
pub(crate) use access::Predicate;
pub(crate) use after_call::AfterCall;
pub use application::{Application, Message, MessageHandler, MessageKind, Service};
pub(crate) use borrowed::{Borrowed, MAX_BORROWED, MIN_BORROWED_BYTES, Origin};
pub(crate) use compress_job::{
    COMPRESSED_BYTES_PER_FRAME, COMPRESSES, CompressJob, JOB_BYTES, SLICE_BYTES, cost_of,
};
pub(crate) use compressor::{Compressor, RecordedMessage};
pub(crate) use context::Confined;
pub use context::{Context, UseHandleOrDefer};
pub(crate) use deferral::Deferral;
pub(crate) use effect::Effect;
pub use effects::Effects;
pub use error::{LoginError, SendError};
pub use function::{HandlerFunction, MessageFunction, MessageRequestFunction};
pub(crate) use handler_mistakes::{HandlerMistake, HandlerMistakes};
pub use into_outcome::IntoOutcome;
pub(crate) use leases::CompressorLease;
pub use listing::RouteInfo;
pub use outcome::Outcome;
pub(crate) use publish::{HeldByPublish, Publish, PublishEnd};
pub use request::Request;
pub(crate) use send_buffer::SendBuffer;
pub use table::{Handler, Module, Route, Router};
pub use tick::Tick;
pub(crate) use tools::{Limits, Tools};
pub(crate) use write_buffer::WriteBuffer;
