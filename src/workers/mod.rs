//! One server of several reactors: each on its own thread, with its own listeners, connections and state.
//! They share nothing but mailboxes, the count of clients, and the holders of roles.

mod server;
mod worker;
mod worker_set;

pub use server::Workers;
pub use worker::Worker;
