//! The program around the library: it uses the library's public API only.

pub(crate) mod options;

mod certificates;
mod cpus;
mod delay;
mod descriptors;
mod log_format;
mod log_sink;
mod messages;
mod modules;
mod panics;
mod reload;
mod replay;
mod run;
mod signals;
mod tls;
mod token_keys;

pub(crate) use log_sink::LogSink;
pub(crate) use replay::replay;
pub(crate) use run::run;
pub(crate) use signals::catch as catch_signals;
