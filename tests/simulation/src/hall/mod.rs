//! A game of topics over one or several workers, and an oracle that knows who must receive what.

mod calls;
mod handlers;
mod member;
mod model;
mod plan;
mod receipts;
mod span;
mod state;
mod tests;
mod ticks;

use sysconn::sim::{Failure, Report};

/// Runs the simulation of a seed. Returns how many publishes were received, too.
pub(crate) fn run(seed: u64) -> Result<(Report, u64), Failure> {
    plan::run(&plan::plan(seed))
}

/// The commands of the game, and the meaning of their Data. A reply holds the place of its call in the order
/// of all calls.
mod commands {
    /// A topic → subscribed.
    pub(super) const JOIN: u16 = 1401;
    /// A topic → unsubscribed.
    pub(super) const LEAVE: u16 = 1402;
    /// A topic, [`how`](super::how) and a size of 16 bits → published, and a reply.
    pub(super) const SAY: u16 = 1403;
    /// A topic and a worker → published by that worker, later.
    pub(super) const SAY_ELSEWHERE: u16 = 1404;
    /// Empty → the subscriptions of the connection are compared with the model.
    pub(super) const CHECK: u16 = 1405;
    /// A role of 64 bits and whether to take topics over → logged in.
    pub(super) const ENTER: u16 = 1406;
    /// Empty → logged out.
    pub(super) const QUIT: u16 = 1407;
    /// Milliseconds of 16 bits → a late reply.
    pub(super) const WAIT: u16 = 1408;
    /// The same, and later requests may be answered first.
    pub(super) const WAIT_UNORDERED: u16 = 1410;
    /// Empty → refused, since its answer comes after the route's deadline.
    pub(super) const WAIT_IN_VAIN: u16 = 1411;
    /// Milliseconds of 16 bits → logged in with a role of the client's own, later. Unordered; any other login
    /// meanwhile is refused.
    pub(super) const ENTER_LATER: u16 = 1412;
    /// A topic → a publish to it, and a panic.
    pub(super) const FAIL: u16 = 1409;
    /// The command of a publish: the publisher, the topic, the number among both, and filler.
    pub(super) const PUBLISHED: u16 = 1499;
}

/// How something is said: the bits of the second byte of its Data.
mod how {
    /// The sender does not get it.
    pub(super) const TO_OTHERS: u8 = 1;
    /// The reply is made after the publish, and not before.
    pub(super) const REPLIES_LAST: u8 = 2;
}

/// How many topics there are.
const TOPICS: u8 = 6;
