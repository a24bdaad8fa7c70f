//! The poll, clock, listeners and sockets, on the operating system or a simulated network. Nothing else in a
//! reactor knows which of the two it runs on.
//!
//! Each is an enum with a variant for the simulation. Without the feature `sim`, that variant holds a type
//! without values: it takes no space, and the compiler drops every branch that leads to it.

pub(crate) mod accepted;
pub(crate) mod alarm;
pub(crate) mod clock;
pub(crate) mod event;
mod inherited_listener;
pub(crate) mod listener;
pub(crate) mod poller;
pub(crate) mod read;
#[cfg_attr(not(feature = "sim"), path = "no_simulation.rs")]
mod simulated;
pub(crate) mod socket;
pub(crate) mod system;
mod tcp_listener;
#[cfg(feature = "tls")]
mod tls_buffers;
#[cfg(feature = "tls")]
mod tls_input;
#[cfg(feature = "tls")]
mod tls_records;
#[cfg(feature = "tls")]
mod tls_session;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
pub(crate) mod tls_socket;
#[cfg(feature = "tls")]
mod tls_unsent;
mod transfer;
mod unacknowledged;
pub(crate) mod unix_listener;
