//! Publishes, and subscriptions from outside of a connection's own handlers.

use std::sync::Arc;

use super::effect::Effect;
use super::effects::{ENDS_RUN, Effects, RECEIVERS_PER_FRAME, SUBSCRIPTIONS_PER_FRAME};
use super::own_pushes::OwnTurn;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox};
use crate::push::Push;
use crate::topics::{Permit, PublishError, Receivers, SharedTopic, SubscribeError, Topic};

/// A push that was published on another worker, or by another thread.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    pub(crate) topic: Arc<SharedTopic>,
    /// A subscriber that does not get it.
    pub(crate) except: Option<ConnectionId>,
    pub(crate) push: Push,
    pub(crate) held: HeldByPublish,
}

/// What a publish holds until it has reached everybody, and an unsubscription that waits in a full mailbox.
#[derive(Clone, Debug)]
pub(crate) struct HeldByPublish {
    /// The right to wait.
    pub(crate) permit: Arc<Permit>,
    /// On other workers: tells the worker of the client that has asked for it.
    pub(crate) end: Option<Arc<PublishEnd>>,
}

/// Tells the worker of a client when other workers have finished its publish: the last of them drops this.
#[derive(Debug)]
pub(crate) struct PublishEnd {
    by: ConnectionId,
    mailbox: Arc<Mailbox>,
}

impl PublishEnd {
    pub(crate) fn new(by: ConnectionId, mailbox: Arc<Mailbox>) -> Self {
        PublishEnd { by, mailbox }
    }
}

impl Drop for PublishEnd {
    fn drop(&mut self) {
        // There are no more of these than permits.
        self.mailbox.post_always(Mail::PublishEnded(self.by));
    }
}

impl HeldByPublish {
    pub(crate) fn new(permit: Arc<Permit>) -> Self {
        HeldByPublish { permit, end: None }
    }
}

impl Effects {
    /// Sends a push to all subscribers of a topic, on all workers.
    ///
    /// It reaches every connection whose `subscribe` returned before this call and that is still subscribed,
    /// once; and on other workers perhaps some that subscribe before it arrives there. A subscriber gets the
    /// publishes of one worker to a topic in their order, and in order with what else that worker sends it.
    /// What the connection of the current call gets follows the replies of its handler.
    ///
    /// A large one goes on over several turns. A worker whose mailbox is full drops it, as
    /// [`Effects`] says; [`Totals::send_errors`](crate::Totals) then counts it once.
    ///
    /// # Errors
    /// [`PublishError`]: too many publishes have not reached all their subscribers yet. Nobody was sent it.
    pub fn publish(&mut self, topic: &Topic, push: &Push) -> Result<(), PublishError> {
        self.publish_but(None, topic, push)
    }

    /// Like [`publish`](Self::publish), but one connection does not get it, such as the one that asked for
    /// it.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_except(
        &mut self,
        except: ConnectionId,
        topic: &Topic,
        push: &Push,
    ) -> Result<(), PublishError> {
        self.publish_but(Some(except), topic, push)
    }

    fn publish_but(
        &mut self,
        except: Option<ConnectionId>,
        topic: &Topic,
        push: &Push,
    ) -> Result<(), PublishError> {
        let Some(shared) = self.topics.find(topic) else {
            self.charge(1);
            return Ok(());
        };
        let subscribers = shared.subscribers();
        let permit = match self.topics.shared().permit(push, subscribers, self.quota) {
            Ok(permit) => permit,
            Err(error) => {
                self.charge(1);
                self.topics.count_refused_publish();
                return Err(error);
            }
        };
        if !self.topics.has_listed(&shared) {
            self.charge(subscribers / RECEIVERS_PER_FRAME);
        }
        let mut to = self.topics.receivers(&shared);
        if let Some(except) = except {
            to.leave_out(except);
        }
        self.take_own(&mut to, push);
        self.count_broadcast();
        let (own, count) = (self.topics.worker(), self.topics.shared().workers());
        if shared.workers(count).any(|worker| worker != own) {
            let held = HeldByPublish::new(permit.clone());
            let publish = Publish { topic: shared, except, push: push.clone(), held };
            self.add(1, Effect::Publish(Box::new(publish)));
        }
        self.add(1, Effect::Reach { to, push: push.clone(), held: HeldByPublish::new(permit) });
        Ok(())
    }

    /// Subscribes a connection to a topic, for hooks and calls that have no [`Context`](crate::Context) of
    /// it.
    ///
    /// A connection that has ended or is closing is not subscribed. One of another worker is subscribed once
    /// that worker has got the effects of this call; like a push, the request is dropped and logged if its
    /// mailbox is full, and [`Totals::subscribe_errors`](crate::Totals) counts it.
    ///
    /// # Errors
    /// [`SubscribeError`], and then nothing has changed. An error on another worker is only counted there.
    pub fn subscribe(&mut self, id: ConnectionId, topic: &Topic) -> Result<(), SubscribeError> {
        if id.worker() != self.topics.worker() {
            self.add(1, Effect::Subscribe { to: id, topic: topic.clone() });
            return Ok(());
        }
        // Whether the connection is open is known only later. Meanwhile a publish to it reaches nobody.
        self.add(1, Effect::CheckSubscriber(id));
        self.topics.subscribe(id, topic).map(|_| ())
    }

    /// Unsubscribes a connection from a topic, if it is subscribed. One of another worker is unsubscribed
    /// once that worker has got the effects of this call, even if its mailbox is full.
    pub fn unsubscribe(&mut self, id: ConnectionId, topic: &Topic) {
        if id.worker() == self.topics.worker() {
            self.charge(1);
            self.topics.unsubscribe(id, topic);
        } else {
            self.add(1, Effect::Unsubscribe { to: id, topic: Some(topic.clone()), held: None });
        }
    }

    /// Unsubscribes a connection from all topics. Not needed when it ends: it then leaves them by itself.
    pub fn unsubscribe_all(&mut self, id: ConnectionId) {
        if id.worker() == self.topics.worker() {
            let left = self.topics.leave_all(id);
            self.charge(1 + left / SUBSCRIPTIONS_PER_FRAME);
        } else {
            self.add(1, Effect::Unsubscribe { to: id, topic: None, held: None });
        }
    }

    /// The number of subscribers of a topic on this server, on all its workers.
    #[must_use]
    pub fn subscribers(&self, topic: &Topic) -> usize {
        self.topics.subscribers(topic)
    }

    /// The topics of a connection of this worker, in no particular order.
    pub fn topics_of(&self, id: ConnectionId) -> impl Iterator<Item = &Topic> {
        self.topics.of(id)
    }

    /// Takes the connection of the current call out of the receivers of a push, and sends it to it with the
    /// replies.
    pub(super) fn take_own(&mut self, to: &mut Receivers, push: &Push) {
        match self.own.turn() {
            Some((own, OwnTurn::Now)) if to.leave_out(own) => self.own.push(push.clone()),
            Some((own, OwnTurn::Later)) if to.contains(own) => self.charge(ENDS_RUN),
            _ => {}
        }
    }
}
