//! The HTTP/1.1 handshake that turns a connection into a WebSocket (RFC 6455 §4.2).
//!
//! Bytes in, bytes out: this room knows no socket, clock or log. A connection that is upgrading
//!
//! 1. shows each piece of what it reads to a [`HeadScanner`], which looks at every byte once, refuses
//!    the first illegal one, and says where the head ends; what follows the head are frames;
//! 2. gives the complete head to [`check`], which holds it against the RFC and the server's
//!    [`Policy`] and shows the accepted [`Request`] to the application;
//! 3. answers with [`write_response`] (101), or with [`Refusal::write`] and then closes.
//!
//! An extension that the client offers is declined by leaving it out of the answer (RFC 6455 §9.1), so
//! offers are not even read. `Expect: 100-continue` announces a body, and there is none: it is ignored.

mod allowed;
pub(crate) mod asked;
mod head;
mod headers;
mod health;
mod refusal;
mod request;
mod response;
mod target;
#[cfg(test)]
mod tests;

pub use allowed::{OriginError, PathError};
pub(crate) use allowed::{check_health_path, check_origin, check_path, path_matches};
pub use head::HeadScanner;
pub(crate) use head::is_token_byte;
pub use health::asks_for_health;
pub(crate) use health::{is_head_request, write_health};
pub use refusal::{Fault, Refusal};
pub use request::{Policy, Request, check};
pub(crate) use request::{check_scanned, with_headers};
pub use response::{accept_key, write_response};
