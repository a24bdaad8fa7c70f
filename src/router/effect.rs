//! What handlers want done to connections, as data: the reactor does it after they have returned.

use std::fmt;

use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::handle::Ticket;
use crate::id::ConnectionId;
use crate::mailbox::Answer;
use crate::packet::ErrorId;
use crate::push::Push;
use crate::survey::{Survey, SurveyCall, SurveyTour};

/// One thing to do.
pub(crate) enum Effect {
    Send {
        to: ConnectionId,
        push: Push,
    },
    Broadcast {
        to: Vec<ConnectionId>,
        push: Push,
    },
    Close {
        to: ConnectionId,
        cause: Cause,
    },
    SetDebug {
        to: ConnectionId,
        on: bool,
    },
    Answer {
        ticket: Ticket,
        answer: Answer,
    },
    /// A newer connection has taken over its role.
    Replace(ConnectionId),
    Survey(SurveyCall),
    SurveyAll(SurveyTour),
}

/// Receivers of one push that are named at the cost of a frame. Whoever asks for it also waits until it has reached all of
/// them.
const RECEIVERS_PER_FRAME: usize = 64;
/// The cost of what has to be carried out before the next packet of whoever asked for it is handled: all that
/// it may have done in this turn.
const ENDS_RUN: usize = u32::MAX as usize;

/// A list of things to be done to connections once the current call has returned, in order. One
/// that names a connection that has ended does nothing.
///
/// What concerns connections of another [worker](crate::Workers) goes through that worker's mailbox, in the
/// same order: a connection gets what one worker sends it in the order in which it was sent. Where that
/// mailbox is full a push is dropped: the log says so, and [`Totals::send_errors`](crate::Totals) counts it
/// once for each connection. To close a connection is never dropped.
#[derive(Default)]
pub struct Effects {
    list: Vec<Effect>,
    /// What was added since this was last asked for costs as much as so many frames.
    cost: u32,
    /// Pushes to many in the list.
    broadcasts: u32,
}

impl Effects {
    /// Sends a push to a connection. Where its outbox is full that connection's overflow policy
    /// applies, and its record counts it.
    pub fn send(&mut self, to: ConnectionId, push: Push) {
        self.add(1, Effect::Send { to, push });
    }

    /// Sends one push to many connections, which share its bytes.
    pub fn broadcast(&mut self, to: impl IntoIterator<Item = ConnectionId>, push: Push) {
        let mut to: Vec<_> = to.into_iter().collect();
        // Here, where it counts as time of whoever asks for it.
        to.sort_unstable_by_key(|id| id.order());
        self.broadcasts = self.broadcasts.saturating_add(1);
        self.add(1 + to.len() / RECEIVERS_PER_FRAME, Effect::Broadcast { to, push });
    }

    /// Closes a connection with a code of the application's. If it is the one whose handler asks for it, none of
    /// its later packets is handled.
    pub fn close(&mut self, to: ConnectionId, code: CloseCode) {
        self.add(ENDS_RUN, Effect::Close { to, cause: Cause::Application(code) });
    }

    /// Closes a connection with 4010, on an operator's behalf. As with [`close`](Self::close), none of its later
    /// packets is handled.
    pub fn kick(&mut self, to: ConnectionId) {
        self.add(ENDS_RUN, Effect::Close { to, cause: Cause::Operator });
    }

    /// Switches the log of each packet of a connection on or off.
    pub fn set_debug(&mut self, to: ConnectionId, on: bool) {
        self.add(1, Effect::SetDebug { to, on });
    }

    /// Replies to a request that was deferred, as [`Ticket::reply`] does, but in order with what else is to
    /// be done.
    pub fn reply(&mut self, ticket: Ticket, data: impl Into<Vec<u8>>) {
        self.add(1, Effect::Answer { ticket, answer: Answer::Reply(data.into()) });
    }

    /// Refuses a request that was deferred, as [`Ticket::refuse`] does, in order with what else is to be done.
    pub fn refuse(&mut self, ticket: Ticket, error_id: ErrorId) {
        self.add(1, Effect::Answer { ticket, answer: Answer::Refuse(error_id) });
    }

    /// Looks at all connections, of this worker, once the current call has returned, and before anything else happens
    /// to them but the effects that were asked for earlier. A ticket can carry the findings back to
    /// the client that wants them.
    pub fn survey(&mut self, look: impl FnOnce(&Survey<'_>) + Send + 'static) {
        self.add(1, Effect::Survey(Box::new(look)));
    }

    /// Looks at all connections of the server, one worker after the other in the order of their numbers.
    /// Where there is only one reactor this is [`survey`](Self::survey). `look` is called once for each
    /// worker, on its thread, and sees [which one](Survey::worker) and [whether it is the
    /// last](Survey::is_last). A worker that has ended is left out. Should the first one's mailbox be full, or
    /// `look` panic, it is dropped: a ticket in it then refuses its request.
    pub fn survey_all(&mut self, look: impl FnMut(&Survey<'_>) + Send + 'static) {
        self.add(1, Effect::SurveyAll(Box::new(look)));
    }

    pub(crate) fn replace(&mut self, id: ConnectionId) {
        self.add(1, Effect::Replace(id));
    }

    fn add(&mut self, cost: usize, effect: Effect) {
        self.charge(cost);
        self.list.push(effect);
    }

    /// Counts what was done at once like so many effects.
    pub(crate) fn charge(&mut self, cost: usize) {
        self.add_work(u32::try_from(cost).unwrap_or(u32::MAX));
    }

    /// Work was done, such as compressing a reply, that counts as much as so many frames.
    pub(crate) fn add_work(&mut self, frames: u32) {
        self.cost = self.cost.saturating_add(frames);
    }

    /// As how many frames what was added since the last call counts: it is work of the connection whose handler
    /// asked for it.
    pub(crate) fn take_cost(&mut self) -> u32 {
        std::mem::take(&mut self.cost)
    }

    /// The same, without taking it.
    pub(crate) fn cost(&self) -> u32 {
        self.cost
    }

    /// Has it be so much.
    pub(crate) fn set_cost(&mut self, cost: u32) {
        self.cost = cost;
    }

    /// Pushes to many that were asked for since the last [`take`](Self::take).
    pub(crate) fn broadcasts(&self) -> u32 {
        self.broadcasts
    }

    /// All that is to be done. Whoever asked for it outside of a request has no budget that it could count
    /// against: nor must the next one's.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        (self.cost, self.broadcasts) = (0, 0);
        std::mem::take(&mut self.list)
    }

    pub(crate) fn put_back(&mut self, list: Vec<Effect>) {
        debug_assert!(list.is_empty());
        if self.list.is_empty() {
            self.list = list;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects").field("len", &self.list.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hook_asked_for_does_not_count_against_the_next_client() {
        let mut effects = Effects::default();
        let id = ConnectionId::new(0, 1, 1);
        effects.broadcast([id; 1000], Push::new(1210, b"gone"));
        let list = effects.take();
        assert_eq!(
            (list.len(), effects.take_cost()),
            (1, 0),
            "it is carried out, and whose cost it was is over"
        );
        effects.send(id, Push::new(1210, b"gone"));
        assert_eq!(effects.take_cost(), 1);
    }
}
