//! The topics of a connection.

use super::Context;
use crate::topics::{SubscribeError, Topic};

impl<Session> Context<'_, Session> {
    /// Subscribes this connection to a topic: [`Effects::publish`](crate::Effects::publish) of any worker
    /// reaches it from now on, until it unsubscribes or ends. Returns the number of subscribers on all
    /// workers, this connection included. Nothing changes if it is subscribed already.
    ///
    /// # Errors
    /// [`SubscribeError`], and then nothing has changed.
    pub fn subscribe(&mut self, topic: &Topic) -> Result<usize, SubscribeError> {
        let effects = &mut self.buffer.tools.effects;
        effects.charge(1);
        effects.topics.subscribe(self.record.id, topic)
    }

    /// Unsubscribes this connection from a topic. False if it is not subscribed.
    ///
    /// What was published before still reaches it.
    pub fn unsubscribe(&mut self, topic: &Topic) -> bool {
        let effects = &mut self.buffer.tools.effects;
        effects.charge(1);
        effects.topics.unsubscribe(self.record.id, topic)
    }

    /// Whether this connection is subscribed to a topic.
    #[must_use]
    pub fn is_subscribed(&self, topic: &Topic) -> bool {
        self.buffer.tools.effects.topics.is_subscribed(self.record.id, topic)
    }

    /// The topics of this connection, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.buffer.tools.effects.topics.of(self.record.id)
    }

    /// The number of subscribers of a topic on this server, on all its workers.
    #[must_use]
    pub fn subscribers(&self, topic: &Topic) -> usize {
        self.buffer.tools.effects.topics.subscribers(topic)
    }
}
