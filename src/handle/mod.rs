//! What other threads hold: handles to connections and to the server, and tickets for replies.

mod connection;
mod server;
mod ticket;
mod ties;

pub(crate) use connection::Life;
pub use connection::{Handle, HandleError};
pub use server::ServerHandle;
pub use ticket::Ticket;
pub(crate) use ties::{Tied, Ties};
