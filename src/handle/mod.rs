//! Access from other threads: handles to connections and to the server, and tickets for replies.

mod attachments;
mod connection;
mod server;
mod ticket;

pub(crate) use attachments::{Attachments, LazyAttachments};
pub(crate) use connection::Life;
pub use connection::{Handle, HandleError};
pub use server::ServerHandle;
pub use ticket::Ticket;
