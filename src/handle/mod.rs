//! Access from other threads: handles to connections and to the server, and tickets for replies.

mod attachments;
mod call_error;
mod connection;
mod server;
mod ticket;

pub(crate) use attachments::{Attachments, LazyAttachments};
pub use call_error::CallError;
pub(crate) use connection::Life;
pub use connection::{Handle, HandleError};
pub use server::ServerHandle;
pub use ticket::Ticket;
