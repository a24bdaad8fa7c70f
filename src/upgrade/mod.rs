//! The HTTP/1.1 handshake that turns a connection into a WebSocket (RFC 6455 §4.2).
//!
//! This module takes and returns bytes; it knows no socket, clock or log. A connection that upgrades
//!
//! 1. passes each piece of input to a [`HeadScanner`], which reads every byte at most twice, refuses the
//!    first illegal one, and finds the end of the request head; frames follow it;
//! 2. passes the complete head to [`check`], which checks it against the RFC and the server's [`Policy`], and
//!    shows the accepted [`Request`] to the application;
//! 3. answers with [`write_response`] (101), or with [`Refusal::write`] and then closes.
//!
//! A response without an extension declines the client's offer (RFC 6455 §9.1). `Expect: 100-continue` is
//! ignored: it announces a body, and the request has none.

mod byte_classes;
mod cookies;
mod head;
mod headers;
mod health;
pub(crate) mod log_fields;
mod origins;
mod paths;
mod refusal;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use byte_classes::is_token_byte;
pub use head::HeadScanner;
pub use health::asks_for_health;
pub(crate) use health::{is_head_request, write_health};
pub use origins::OriginError;
pub(crate) use origins::check_origin;
pub use paths::PathError;
pub(crate) use paths::{check_health_path, check_path, path_matches};
pub use refusal::{Fault, Refusal};
pub use request::{Policy, Request, check};
pub(crate) use request::{check_scanned, with_headers};
pub use response::{accept_key, write_response};
