//! State that only some connections need, allocated on demand.

use super::deferrals::{Deferrals, Deferred};
use super::inbox::Inbox;
use super::inflate_job::{InflateJob, Subject};
use super::sample::Sample;
use crate::deflate::Deflate;
use crate::handle::{Attachments, LazyAttachments};
use crate::moment::Moment;
use crate::object::Linked;
use crate::recording::Recorder;

/// The state of a connection that does more than answer packets at once.
#[derive(Debug, Default)]
pub(super) struct RareState {
    state: Option<Box<State>>,
}

#[derive(Debug, Default)]
struct State {
    attachments: Attachments,
    /// Bytes that were read and have to wait.
    inbox: Option<Inbox>,
    /// A message that is being inflated; later input waits for it.
    job: Option<Box<InflateJob>>,
    /// The requests that will be answered later.
    deferrals: Option<Box<Deferrals>>,
    /// Present if messages may be compressed.
    deflate: Option<Box<Deflate>>,
    /// Present while a silent client takes its output, or may do so.
    sample: Option<Sample>,
    /// Present while the connection is recorded.
    recorder: Option<Box<Recorder>>,
}

impl LazyAttachments for Option<Box<State>> {
    fn get_or_add(&mut self) -> &mut Attachments {
        &mut self.get_or_insert_default().attachments
    }

    fn is_logging_in(&self) -> bool {
        self.as_ref().is_some_and(|state| state.attachments.is_logging_in)
    }
}

impl RareState {
    /// Lends the parts that a call into the application uses.
    pub(super) fn lend(&mut self) -> (&mut dyn LazyAttachments, Option<&mut Deflate>) {
        match self.state {
            Some(ref mut state) => (&mut state.attachments, state.deflate.as_deref_mut()),
            ref mut none => (none, None),
        }
    }

    /// Whether messages may be compressed.
    pub(super) fn compresses(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.deflate.is_some())
    }

    /// Whether the server compresses each message using its earlier ones as the window.
    pub(super) fn is_dedicated(&self) -> bool {
        let deflate = self.state.as_ref().and_then(|state| state.deflate.as_ref());
        deflate.is_some_and(|deflate| deflate.is_dedicated())
    }

    /// The bytes that a compressed message can refer back to.
    pub(super) fn window(&self, subject: Subject) -> &[u8] {
        let deflate = self.state.as_ref().and_then(|state| state.deflate.as_ref());
        match (subject, deflate) {
            (Subject::Message(_), Some(deflate)) => deflate.window(),
            (Subject::Message(_), None) | (Subject::Data, _) => &[],
        }
    }

    /// Keeps an inflated message for the next one, which can refer back to it.
    pub(super) fn remember(&mut self, message: &[u8]) {
        if let Some(state) = &mut self.state
            && let Some(deflate) = &mut state.deflate
        {
            deflate.remember(message);
        }
    }

    pub(super) fn job(&self) -> Option<&InflateJob> {
        self.state.as_ref()?.job.as_deref()
    }

    pub(super) fn take_job(&mut self) -> Option<Box<InflateJob>> {
        self.state.as_mut()?.job.take()
    }

    pub(super) fn set_job(&mut self, job: Box<InflateJob>) {
        self.state.get_or_insert_default().job = Some(job);
    }

    pub(super) fn deflate(&mut self) -> Option<&mut Deflate> {
        self.state.as_mut()?.deflate.as_deref_mut()
    }

    pub(super) fn set_deflate(&mut self, deflate: Deflate) {
        self.state.get_or_insert_default().deflate = Some(Box::new(deflate));
    }

    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.state.as_mut()?.recorder.as_deref_mut()
    }

    /// The recorder, if its recording has begun.
    pub(super) fn noting(&mut self) -> Option<&mut Recorder> {
        self.recorder().filter(|recorder| recorder.has_begun())
    }

    pub(super) fn set_recorder(&mut self, recorder: Recorder) {
        self.state.get_or_insert_default().recorder = Some(Box::new(recorder));
    }

    pub(super) fn drop_recorder(&mut self) {
        if let Some(state) = &mut self.state {
            state.recorder = None;
        }
    }

    fn deferrals(&self) -> Option<&Deferrals> {
        self.state.as_ref()?.deferrals.as_deref()
    }

    fn deferrals_mut(&mut self) -> Option<&mut Deferrals> {
        self.state.as_mut()?.deferrals.as_deref_mut()
    }

    /// Whether a deferred request is unanswered.
    pub(super) fn is_deferred(&self) -> bool {
        self.deferrals().is_some_and(|deferrals| !deferrals.is_empty())
    }

    /// Whether the next packet has to wait for the answer to a deferred request.
    pub(super) fn holds_back(&self) -> bool {
        self.deferrals().is_some_and(Deferrals::holds_back)
    }

    /// The unanswered requests, in the order in which they came.
    pub(super) fn deferred(&self) -> impl Iterator<Item = &Deferred> {
        self.deferrals().into_iter().flat_map(Deferrals::iter)
    }

    /// When the first unanswered request is refused.
    pub(super) fn answer_deadline(&self) -> Moment {
        self.deferrals().map_or(Moment::NEVER, Deferrals::deadline)
    }

    pub(super) fn add_deferred(&mut self, deferred: Deferred) {
        let state = self.state.get_or_insert_default();
        state.attachments.is_logging_in |= deferred.deferral.is_login;
        state.deferrals.get_or_insert_default().add(deferred);
    }

    /// Takes the deferred request with this number, if it waits.
    pub(super) fn take_deferred(&mut self, seq: u64) -> Option<Deferred> {
        let deferred = self.deferrals_mut()?.take(seq)?;
        self.ended_wait(&deferred);
        Some(deferred)
    }

    /// Takes a deferred request whose deadline has passed.
    pub(super) fn take_late(&mut self, now: Moment) -> Option<Deferred> {
        let deferred = self.deferrals_mut()?.take_late(now)?;
        self.ended_wait(&deferred);
        Some(deferred)
    }

    fn ended_wait(&mut self, deferred: &Deferred) {
        if deferred.deferral.is_login {
            self.end_login();
        }
    }

    /// Whether a login is under way.
    pub(super) fn is_logging_in(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.attachments.is_logging_in)
    }

    /// No login is under way any more.
    pub(super) fn end_login(&mut self) {
        if let Some(state) = &mut self.state {
            state.attachments.is_logging_in = false;
        }
    }

    /// Whether bytes wait, or a message is being inflated.
    pub(super) fn has_input(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.inbox.is_some() || state.job.is_some())
    }

    pub(super) fn inbox(&self) -> Option<&Inbox> {
        self.state.as_ref()?.inbox.as_ref()
    }

    pub(super) fn inbox_mut(&mut self) -> Option<&mut Inbox> {
        self.state.as_mut()?.inbox.as_mut()
    }

    pub(super) fn take_inbox(&mut self) -> Option<Inbox> {
        self.state.as_mut()?.inbox.take()
    }

    pub(super) fn put_inbox(&mut self, inbox: Inbox) {
        self.state.get_or_insert_default().inbox = Some(inbox);
    }

    /// How much the client had taken when its socket was last asked.
    pub(super) fn sample(&mut self) -> Option<&mut Sample> {
        self.state.as_mut()?.sample.as_mut()
    }

    pub(super) fn set_sample(&mut self, sample: Option<Sample>) {
        if sample.is_some() || self.sample().is_some() {
            self.state.get_or_insert_default().sample = sample;
        }
    }

    pub(super) fn linked_number(&self) -> Option<u64> {
        self.state.as_ref()?.attachments.linked.as_ref().map(Linked::number)
    }

    pub(super) fn take_linked(&mut self) -> Option<Linked> {
        self.state.as_mut()?.attachments.linked.take()
    }

    /// Drops everything that a connection without further packets no longer needs. It keeps the linked object
    /// and the recorder, which must learn of the end, the input that waits, in which the client's Close may
    /// be, and the compressor if something `is_compressing`.
    pub(super) fn end(&mut self, is_compressing: bool) {
        let Some(state) = self.state.take() else { return };
        if let Some(life) = state.attachments.life {
            life.end();
        }
        if state.attachments.linked.is_some() {
            self.state.get_or_add().linked = state.attachments.linked;
        }
        if state.recorder.is_some() {
            self.state.get_or_insert_default().recorder = state.recorder;
        }
        if state.inbox.is_some() {
            self.state.get_or_insert_default().inbox = state.inbox;
        }
        if is_compressing && state.deflate.is_some() {
            self.state.get_or_insert_default().deflate = state.deflate;
        }
    }

    /// Whether nothing is allocated.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.state.is_none()
    }

    /// Frees unused memory.
    pub(super) fn trim(&mut self) {
        let Some(state) = &mut self.state else { return };
        if let Some(inbox) = &mut state.inbox {
            inbox.trim();
        }
        state.deferrals.take_if(|deferrals| deferrals.is_empty());
        if let Some(deflate) = &mut state.deflate {
            deflate.trim();
        }
        let State {
            attachments: Attachments { life: None, linked: None, is_logging_in: false },
            inbox: None,
            job: None,
            deferrals: None,
            deflate: None,
            sample: None,
            recorder: None,
        } = **state
        else {
            return;
        };
        self.state = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::ConnectionId;
    use crate::mailbox::Mailbox;
    use crate::router::Deferral;

    fn deferred(seq: u64) -> Deferred {
        let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
        let (_, awaited) = crate::handle::Ticket::new(ConnectionId::new(0, 0, 0), seq, mailbox, ());
        let deferral = Deferral { seq, cmd: 1, flag: 2, is_login: true, awaited };
        Deferred { deferral, is_unordered: false, deadline: Moment::NEVER }
    }

    #[test]
    fn unused_state_is_freed_and_used_state_is_not() {
        type Step = fn(&mut RareState);
        let cases: [(Step, Step); 3] = [
            (|rare| rare.put_inbox(Inbox::new(b"later")), |rare| drop(rare.take_inbox())),
            (|rare| rare.add_deferred(deferred(1)), |rare| assert!(rare.take_deferred(1).is_some())),
            (|rare| assert!(rare.lend().0.get_or_add().life.is_none()), |_| {}),
        ];
        for (at, (put, take)) in cases.into_iter().enumerate() {
            let mut rare = RareState::default();
            assert!(rare.state.is_none(), "nothing was put there");
            put(&mut rare);
            let is_used = rare.has_input() || rare.is_deferred();
            rare.trim();
            assert_eq!(rare.state.is_some(), is_used, "case {at}");
            take(&mut rare);
            rare.trim();
            assert!(rare.state.is_none(), "case {at}");
        }
    }

    #[test]
    fn only_the_deferred_request_is_answered() {
        let mut rare = RareState::default();
        assert!(rare.take_deferred(1).is_none());
        rare.add_deferred(deferred(2));
        assert!(rare.take_deferred(1).is_none() && rare.lend().0.is_logging_in());
        assert_eq!(rare.take_deferred(2).map(|deferred| deferred.deferral.seq), Some(2));
        assert!(rare.take_deferred(2).is_none() && !rare.lend().0.is_logging_in());
    }
}
