//! Effects: a handler's requests for other connections, which the reactor applies afterwards.

use std::fmt;

use super::effect::Effect;
use super::error::LoginError;
use super::own_pushes::{OwnPushes, OwnTurn};
use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::handle::{LoginTicket, Ticket};
use crate::id::ConnectionId;
use crate::mailbox::Answer;
use crate::packet::ErrorId;
use crate::push::Push;
use crate::record::Login;
use crate::survey::Survey;
use crate::topics::{Quota, Receivers, Topics};

/// Naming this many receivers of a push costs as much as a frame. The connection that requested the push also
/// waits until the push has reached all of them.
pub(super) const RECEIVERS_PER_FRAME: usize = 64;
/// Unsubscribing from this many topics costs as much as a frame.
pub(super) const SUBSCRIPTIONS_PER_FRAME: usize = 16;
/// The cost of an effect that must be applied before the next packet of the same connection is handled: the
/// whole budget of a turn.
pub(super) const ENDS_RUN: usize = u32::MAX as usize;

/// A list of actions on connections, which are applied in order after the current call has returned.
///
/// Pushes to the connection of the current call follow its replies at once, before its next packet is
/// handled.
///
/// An entry for a connection that has ended does nothing. Entries for connections of another
/// [worker](crate::Workers) go through its mailbox, in the same order. If that mailbox is full, a push is
/// dropped and logged, and [`Totals::send_errors`](crate::Totals) counts it once for each receiver. A close,
/// a login, a logout or an unsubscription is never dropped.
#[derive(Default)]
pub struct Effects {
    list: Vec<Effect>,
    /// The cost, in frames, of the effects added since [`take_cost`](Self::take_cost).
    cost: u32,
    /// The number of broadcasts in the list.
    broadcasts: u32,
    /// Pushes to the connection whose handler runs.
    pub(super) own: OwnPushes,
    /// The topics of this worker.
    pub(crate) topics: Topics,
    /// How much of the limits on publishes the call may use up.
    pub(crate) quota: Quota,
}

impl Effects {
    /// Sends a push to a connection.
    ///
    /// If it does not fit the connection's outbox, [`Output::overflow`](crate::config::Output::overflow)
    /// applies, and its record counts it.
    pub fn send(&mut self, to: ConnectionId, push: &Push) {
        if self.own.turn() == Some((to, OwnTurn::Now)) {
            self.charge(1);
            return self.own.push(push.clone());
        }
        self.add(1, Effect::Send { to, push: push.clone() });
    }

    /// Sends one push to many connections, which share its bytes.
    pub fn broadcast(&mut self, to: impl IntoIterator<Item = ConnectionId>, push: &Push) {
        let to: Vec<_> = to.into_iter().collect();
        let cost = 1 + to.len() / RECEIVERS_PER_FRAME;
        // Sorted here, so that the time counts for the connection that requested it.
        let mut to = Receivers::from(to);
        self.take_own(&mut to, push);
        self.count_broadcast();
        self.add(cost, Effect::Broadcast { to, push: push.clone() });
    }

    /// Closes a connection with a code of the application's.
    ///
    /// If it is the connection of the current call, none of its later packets is handled.
    pub fn close(&mut self, to: ConnectionId, code: CloseCode) {
        self.add(ENDS_RUN, Effect::Close { to, cause: Cause::Application(code) });
    }

    /// Closes a connection with 4010, on behalf of an operator.
    ///
    /// If it is the connection of the current call, none of its later packets is handled.
    pub fn kick(&mut self, to: ConnectionId) {
        self.add(ENDS_RUN, Effect::Close { to, cause: Cause::Operator });
    }

    /// Logs a connection in, like [`Context::login`](crate::Context::login).
    ///
    /// The login counts from when this effect is applied: before the next packet, if it is the connection of
    /// the current call. Without effect on a connection that is not open. While another login of the
    /// connection is under way it is refused, and the log says so.
    ///
    /// # Errors
    /// [`LoginError::NoRole`] if `role_id` is 0.
    pub fn login(&mut self, to: ConnectionId, login: Login) -> Result<(), LoginError> {
        if login.identity.role_id == 0 {
            return Err(LoginError::NoRole);
        }
        self.add(1, Effect::LogIn { to, login: Box::new(login) });
        Ok(())
    }

    /// Logs a connection out, like [`Context::logout`](crate::Context::logout). It counts from when this
    /// effect is applied, as for [`login`](Self::login).
    pub fn logout(&mut self, to: ConnectionId) {
        self.add(1, Effect::LogOut(to));
    }

    /// Turns the logging of a connection's packets on or off.
    pub fn set_debug(&mut self, to: ConnectionId, on: bool) {
        self.add(1, Effect::SetDebug { to, on });
    }

    /// Begins or ends the recording of one connection, in the directory of
    /// [`Config::recording`](crate::Config::recording). Without effect if there is none.
    pub fn set_recorded(&mut self, to: ConnectionId, on: bool) {
        self.add(1, Effect::SetRecorded { to, on });
    }

    /// Replies to a deferred request, like [`Ticket::reply`], but in order with the other effects.
    pub fn reply<T: Send>(&mut self, ticket: Ticket<T>, data: impl Into<Vec<u8>>) {
        self.answer(ticket, Answer::Reply(data.into()));
    }

    /// Refuses a deferred request, like [`Ticket::refuse`], but in order with the other effects.
    pub fn refuse<T: Send>(&mut self, ticket: Ticket<T>, error_id: ErrorId) {
        self.answer(ticket, Answer::Refuse(error_id));
    }

    /// Refuses a deferred request with Data, like [`Ticket::refuse_with`], but in order with the other
    /// effects.
    pub fn refuse_with<T: Send>(&mut self, ticket: Ticket<T>, error_id: ErrorId, data: impl Into<Vec<u8>>) {
        self.answer(ticket, Answer::RefuseWith(error_id, data.into()));
    }

    /// Logs a connection in and replies, like [`LoginTicket::login`], but in order with the other effects.
    ///
    /// For instance the connection can be subscribed to its topics first.
    ///
    /// # Errors
    /// As for [`LoginTicket::login`].
    pub fn reply_login(
        &mut self,
        ticket: LoginTicket,
        login: Login,
        data: impl Into<Vec<u8>>,
    ) -> Result<(), LoginError> {
        let (right, answer) = ticket.into_answer(login, data)?;
        self.add(1, Effect::Answer { right, answer });
        Ok(())
    }

    fn answer<T: Send>(&mut self, ticket: Ticket<T>, answer: Answer) {
        self.add(1, Effect::Answer { right: ticket.into_right(), answer });
    }

    /// Calls `look` with all connections of this worker, after the current call and the effects before this
    /// one.
    ///
    /// It can answer a client through a ticket that it has captured.
    pub fn survey(&mut self, look: impl FnOnce(&Survey<'_>) + Send + 'static) {
        self.add(1, Effect::Survey(Box::new(look)));
    }

    /// Calls `look` with all connections of the server: once for each worker, in the order of their numbers.
    ///
    /// With only one reactor this is [`survey`](Self::survey). Each call runs on the thread of the worker,
    /// and gets [its number](Survey::worker) and [whether it is the last](Survey::is_last). A worker that has
    /// ended is left out. If the mailbox of the first worker is full, or `look` panics, `look` is dropped; a
    /// ticket that it has captured then refuses its request.
    pub fn survey_all(&mut self, look: impl FnMut(&Survey<'_>) + Send + 'static) {
        self.add(1, Effect::SurveyAll(Box::new(look)));
    }

    /// Closes a connection because a newer one has its role. The newer one may be an heir to its topics.
    pub(crate) fn replace(&mut self, to: ConnectionId, heir: Option<ConnectionId>) {
        let mut topics = vec![];
        if let Some(newer) = heir.filter(|newer| newer.worker() == to.worker()) {
            topics.extend(self.topics.of(to).cloned());
            let moved = self.topics.hand_over(to, newer);
            self.charge(moved / SUBSCRIPTIONS_PER_FRAME);
        }
        self.add(1, Effect::Replace { to, heir, topics });
    }

    /// Takes the effect on the connection that the last login has replaced, if it has to be told.
    pub(crate) fn take_replaced(&mut self) -> Option<Effect> {
        self.list.pop_if(|effect| matches!(effect, Effect::Replace { .. }))
    }

    pub(super) fn count_broadcast(&mut self) {
        self.broadcasts = self.broadcasts.saturating_add(1);
    }

    pub(super) fn add(&mut self, mut cost: usize, effect: Effect) {
        if effect.receiver().is_some_and(|to| self.own.is_own(to)) {
            match effect {
                // It has to wait for an earlier effect, and the connection's next packet for it.
                Effect::Send { .. } => cost = ENDS_RUN,
                // Whether its next packet may be handled can depend on it.
                Effect::LogIn { .. }
                | Effect::LogOut(_)
                | Effect::Answer { answer: Answer::Login(..), .. } => {
                    cost = ENDS_RUN;
                    self.own.wait();
                }
                Effect::Close { .. } | Effect::Answer { .. } | Effect::Replace { .. } => self.own.wait(),
                _ => {}
            }
        }
        self.charge(cost);
        self.list.push(effect);
    }

    /// Adds `cost` frames for work that was done immediately.
    pub(crate) fn charge(&mut self, cost: usize) {
        self.add_work(u32::try_from(cost).unwrap_or(u32::MAX));
    }

    /// Adds the cost of work, such as compressing a reply, that counts as much as `frames` frames.
    pub(crate) fn add_work(&mut self, frames: u32) {
        self.cost = self.cost.saturating_add(frames);
    }

    /// The cost, in frames, of the effects added since the last call. It counts for the connection whose
    /// handler added them.
    pub(crate) fn take_cost(&mut self) -> u32 {
        std::mem::take(&mut self.cost)
    }

    /// The cost, in frames, of the effects added since [`take_cost`](Self::take_cost).
    pub(crate) fn cost(&self) -> u32 {
        self.cost
    }

    /// Sets the cost.
    pub(crate) fn set_cost(&mut self, cost: u32) {
        self.cost = cost;
    }

    /// The number of broadcasts added since the last [`take`](Self::take).
    pub(crate) fn broadcasts(&self) -> u32 {
        self.broadcasts
    }

    /// Takes the list, and resets the cost: effects that a hook added outside of a request count for no
    /// connection.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        (self.cost, self.broadcasts) = (0, 0);
        self.own.catch_up();
        std::mem::take(&mut self.list)
    }

    /// Returns an empty list, to reuse its allocation.
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
    use crate::topics::Topic;

    #[test]
    fn effects_of_a_hook_do_not_count_for_the_next_client() {
        let mut effects = Effects::default();
        let id = ConnectionId::new(0, 1, 1);
        effects.broadcast([id; 1000], &Push::new(1210, b"gone"));
        let list = effects.take();
        assert_eq!((list.len(), effects.take_cost()), (1, 0), "the effect is carried out, and costs nobody");
        effects.send(id, &Push::new(1210, b"gone"));
        assert_eq!(effects.take_cost(), 1);
    }

    #[test]
    fn receivers_count_for_the_client_that_asks() {
        for (members, expected) in [(0, 1), (1, 1), (63, 1), (64, 2), (1000, 16), (100_000, 1563)] {
            let push = Push::new(1210, b"hello");
            let of_members = || (0..members).map(|slot| ConnectionId::new(0, slot, 1));
            let mut effects = Effects::default();
            effects.broadcast(of_members(), &push);
            assert_eq!(effects.take_cost(), expected, "a broadcast to {members}");
            let topic = Topic::from(7);
            for id in of_members() {
                effects.topics.subscribe(id, &topic).unwrap();
            }
            effects.publish(&topic, &push).unwrap();
            assert_eq!(effects.take_cost(), expected, "a publish to {members}");
        }
    }

    #[test]
    fn publishes_in_a_row_cost_their_receivers_once() {
        const MEMBERS: u32 = 10_000;
        let (mut effects, topic) = (Effects::default(), Topic::from(7));
        for slot in 0..MEMBERS {
            effects.topics.subscribe(ConnectionId::new(0, slot, 1), &topic).unwrap();
        }
        (0..16).for_each(|_| effects.publish(&topic, &Push::new(1210, b"hello")).unwrap());
        assert_eq!(effects.take_cost(), MEMBERS / RECEIVERS_PER_FRAME as u32 + 16);
        // A new member makes a new list.
        effects.topics.subscribe(ConnectionId::new(0, MEMBERS, 1), &topic).unwrap();
        effects.publish(&topic, &Push::new(1210, b"hello")).unwrap();
        assert_eq!(effects.take_cost(), MEMBERS / RECEIVERS_PER_FRAME as u32 + 1);
    }
}
