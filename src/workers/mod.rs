//! Several reactors that are one server: each on a thread of its own, with its own listeners, connections and
//! state. They share nothing but mailboxes, the count of clients, and who plays which role.

mod server;
mod worker;
mod worker_set;

pub use server::Workers;
pub use worker::Worker;
