//! A handle to the whole server, for any thread.

use std::sync::Arc;

use super::call_error::CallError;
use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, MailboxError, state_call};
use crate::mailboxes::Mailboxes;
#[cfg(feature = "metrics")]
use crate::metrics::Metrics;
use crate::metrics::SharedMetrics;
use crate::presence::RoleClaim;
use crate::push::Push;
use crate::router::{Effect, Effects, HeldByPublish, Publish};
use crate::survey::Survey;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::topics::{PublishError, Quota, SharedTopics, Topic};

/// A handle to a reactor, or to all workers of a server: cheap to clone, usable from any thread.
///
/// It takes a lock, so signal handlers must not use it; a thread that waits for signals may.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    mailboxes: Mailboxes,
    topics: SharedTopics,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody gets them"))]
    metrics: Option<Arc<SharedMetrics>>,
}

impl ServerHandle {
    pub(crate) fn new(
        mailboxes: Mailboxes,
        topics: SharedTopics,
        metrics: Option<Arc<SharedMetrics>>,
    ) -> Self {
        ServerHandle { mailboxes, topics, metrics }
    }

    /// The metrics of the server. None unless [`Config::metrics`](crate::Config::metrics) is set.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics(&self) -> Option<Metrics> {
        self.metrics.clone().map(Metrics::new)
    }

    /// Ends the server gracefully.
    ///
    /// During [`Drain::delay`](crate::config::Drain::delay) only health checks fail. Then clients that
    /// wait to be accepted are answered with 503, for at most a second, and the listeners close. Each client
    /// gets a Close 1001. The server ends when all clients are gone, or after the drain timeout.
    pub fn drain(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.post_always(Mail::Drain));
    }

    /// Sends a push to a connection, unless it has ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was sent.
    pub fn send(&self, to: ConnectionId, push: &Push) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Effect(Effect::Send { to, push: push.clone() }))
    }

    /// Sends a push to the connection that has a role when the push arrives, if there is one, on any worker.
    ///
    /// Pushes of one thread to a role arrive in their order while one connection has it. One for a connection
    /// of a worker whose mailbox is full is dropped, as [`Effects`] says.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was sent.
    pub fn send_to_role(&self, role_id: u64, push: &Push) -> Result<(), MailboxError> {
        // Always the same worker, so that nothing overtakes.
        let worker = role_id % self.mailboxes.count() as u64;
        self.mailboxes.post(worker as usize, Mail::SendToRole { role_id, push: push.clone() })
    }

    /// Closes a connection with 4007, because a newer login on another machine has its role. Does nothing if
    /// the connection has lost this claim meanwhile, to a newer login here or by its own end.
    ///
    /// [`Application::replaced`](crate::Application::replaced) is called as for a newer login on this server.
    /// Call this once for each claim: a full mailbox takes it too.
    pub fn replace_role(&self, claim: RoleClaim) {
        self.mailboxes.post_always(claim.connection.worker(), Mail::ReplaceRole(claim));
    }

    /// Sends a push to all subscribers of a topic, on all workers, like
    /// [`Effects::publish`](crate::Effects::publish).
    ///
    /// Publishes of one thread to a topic reach each subscriber in their order.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&self, topic: &Topic, push: &Push) -> Result<(), PublishError> {
        let published = self.post_publish(topic, push);
        if published.is_err() {
            self.topics.count_refused();
        }
        published
    }

    fn post_publish(&self, topic: &Topic, push: &Push) -> Result<(), PublishError> {
        let Some(topic) = self.topics.find(topic) else { return Ok(()) };
        let permit = self.topics.permit(push, topic.subscribers(), Quota::Application)?;
        let held = HeldByPublish::new(permit);
        let mut result = Ok(());
        for worker in topic.workers(self.mailboxes.count()) {
            let (topic, push, held) = (topic.clone(), push.clone(), held.clone());
            let publish = Publish { topic, except: None, push, held };
            let posted = self.mailboxes.post(worker, Mail::Effect(Effect::Publish(Box::new(publish))));
            // A worker that has ended has no subscribers left.
            if posted == Err(MailboxError::Full) {
                result = Err(PublishError::MailboxFull);
            }
        }
        result
    }

    /// The number of subscribers of a topic on this server, on all its workers.
    #[must_use]
    pub fn subscribers(&self, topic: &Topic) -> usize {
        self.topics.subscribers(topic)
    }

    /// Closes a connection with 4010, on behalf of an operator, unless it has ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was closed.
    pub fn kick(&self, to: ConnectionId) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Effect(Effect::Close { to, cause: Cause::Operator }))
    }

    /// Calls `look` with all connections, on the reactor's thread. It should be quick: every client waits.
    ///
    /// With several workers, `look` sees only the connections of the first; see
    /// [`survey_all`](Self::survey_all). If the reactor ends first, `look` is not called.
    ///
    /// # Errors
    /// [`MailboxError`], and then `look` is not called.
    pub fn survey(&self, look: impl FnOnce(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::Effect(Effect::Survey(Box::new(look))))
    }

    /// Calls `look` with all connections of the server: once for each worker, on its thread, in the order of
    /// their numbers. Workers that have ended are left out.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker, and then `look` is not called.
    pub fn survey_all(&self, look: impl FnMut(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::Effect(Effect::SurveyAll(Box::new(look))))
    }

    /// Calls a function with the state of a worker, between two calls of its handlers. A [`Reactor`] that is
    /// alone is worker 0.
    ///
    /// The function runs on the worker's thread and should be quick: all clients of that worker wait. A panic
    /// in it is caught and logged. If the worker ends first, the function is dropped without being called.
    /// Calls of one thread to one worker run in order, and the effects of a call are applied before the next
    /// one begins. Within an application, [`Worker::call`](crate::Worker::call) does the same.
    ///
    /// ```
    /// # use sysconn::{Application, CallError, Effects, ServerHandle};
    /// struct Game { season: u32 }
    /// # impl Application for Game { type Session = (); }
    ///
    /// fn begin_season(server: &ServerHandle, season: u32) -> Result<(), CallError> {
    ///     server.call(0, move |game: &mut Game, _: &mut Effects| game.season = season)
    /// }
    /// ```
    ///
    /// [`Reactor`]: crate::Reactor
    ///
    /// # Errors
    /// [`CallError`], and then the function is dropped without being called.
    pub fn call<S: 'static>(
        &self,
        worker: usize,
        call: impl FnOnce(&mut S, &mut Effects) + Send + 'static,
    ) -> Result<(), CallError> {
        if !self.mailboxes.have_state::<S>() {
            return Err(CallError::OtherState);
        }
        Ok(self.mailboxes.post(worker, Mail::CallState(state_call(call)))?)
    }

    /// Replaces the certificate. New clients see the new one; connected clients notice nothing.
    ///
    /// If [`Config::tls`](crate::Config::tls) was not set, this only writes a line to the log.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker that could not be told. Its new clients still see the certificate
    /// before; it is worth trying again.
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, tls: Tls) -> Result<(), MailboxError> {
        let results = self.mailboxes.iter().map(|mailbox| mailbox.post(Mail::SetTls(tls.clone())));
        // All workers get the call, even if one fails.
        results.fold(Ok(()), Result::and)
    }
}
