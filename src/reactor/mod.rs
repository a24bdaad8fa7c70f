//! One thread, one poll, every socket: turns events into calls of connections, and their output into writes.
//!
//! A [turn](turn) is: poll, accept and read, hand on mail and effects, write, expire timers, bury the dead.
//! Its time is the clock's reading after the poll. Work that could take long is counted: bytes and packets of
//! one connection, accepts, timers, mails. Unfinished work goes on a list, and the next poll does not sleep.
//! The contract of mio's `Poll` is kept as its documentation states it: events may be spurious, an edge is
//! not repeated, and an event that names an earlier occupant of a slot is dropped.
//!
//! From bottom to top:
//!
//! - the parts, each with private fields: `connections`, `schedule`, `input`, `output`, `fan_outs`,
//!   `listeners`, `refusals`, `mail_queue`, `drain_progress`;
//! - `core`, which holds them;
//! - `active`: the one connection that is being worked on, looked up once; its work is in `read`,
//!   `feed`, `serve`, `refuse`, `reach`, `queue_output`, `write` and `write_borrowed`;
//! - the steps of a turn, a file each: functions over the core;
//! - `turn`, which is the list of the steps, and `public`: the reactor that is embedded, which polls.

mod accept;
mod act;
mod active;
mod admission;
pub(crate) mod audit;
mod begun;
mod bind_error;
mod budget;
mod bury;
mod call_state;
mod connections;
mod core;
mod count;
mod debts;
mod deliver;
mod drain;
mod drain_progress;
mod dropped_pushes;
mod effects;
mod entry;
mod event;
mod expire;
mod fan_out;
mod fan_outs;
mod feed;
mod forward;
mod hand_out;
mod heirs;
mod hook;
#[cfg(test)]
mod idle_connections;
mod input;
mod lent;
mod listeners;
mod mail_queue;
mod metrics;
mod output;
mod prepared;
mod public;
mod push_queues;
mod push_row;
mod queue_output;
mod reach;
mod read;
mod read_ahead;
mod ready;
mod refusals;
mod refuse;
mod requester;
mod roles;
mod schedule;
mod send;
mod serve;
mod setup;
mod share;
mod shared;
mod slots;
mod standing;
mod survey;
pub(crate) mod sys;
mod tick;
mod tick_grid;
mod tokens;
mod topics;
mod turn;
mod waits;
mod watch;
pub(crate) mod wheel;
mod worker_links;
mod write;
mod write_borrowed;

pub use bind_error::BindError;
pub(crate) use prepared::Prepared;
pub use public::{Reactor, Turn};
