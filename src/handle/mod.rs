//! Access from other threads: handles to connections and to the server, and tickets for replies.

mod attachments;
mod awaited;
mod call_error;
mod connection;
mod login_ticket;
mod server;
mod ticket;

pub(crate) use attachments::{Attachments, LazyAttachments};
pub(crate) use awaited::{Awaited, Taken};
pub use call_error::CallError;
pub(crate) use connection::Life;
pub use connection::{Handle, HandleError};
pub use login_ticket::LoginTicket;
pub use server::ServerHandle;
pub(crate) use ticket::AnswerRight;
pub use ticket::Ticket;
