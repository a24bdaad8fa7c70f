//! State that only some connections need, allocated on demand.

use super::inbox::Inbox;
use super::inflate_job::{InflateJob, Subject};
use super::sample::Sample;
use crate::deflate::Deflate;
use crate::handle::{Attachments, LazyAttachments};
use crate::object::Linked;
use crate::recording::Recorder;
use crate::router::Deferral;

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
    /// The request that will be answered later; the next packet waits for the answer.
    deferral: Option<Deferral>,
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

    /// Whether a deferred request is unanswered.
    pub(super) fn is_deferred(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.deferral.is_some())
    }

    #[inline(always)]
    pub(super) fn set_deferral(&mut self, deferral: Option<Deferral>) {
        if deferral.is_some() || self.is_deferred() {
            self.put_deferral(deferral);
        }
    }

    #[cold]
    fn put_deferral(&mut self, deferral: Option<Deferral>) {
        self.state.get_or_insert_default().deferral = deferral;
    }

    pub(super) fn deferral(&self) -> Option<Deferral> {
        self.state.as_ref()?.deferral
    }

    /// Takes the deferred request if it has this number.
    pub(super) fn take_deferral(&mut self, seq: u64) -> Option<Deferral> {
        self.state.as_mut()?.deferral.take_if(|deferral| deferral.seq == seq)
    }

    /// Whether bytes wait, or a message is being inflated.
    pub(super) fn has_input(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.inbox.is_some() || state.job.is_some())
    }

    pub(super) fn inbox(&self) -> Option<&Inbox> {
        self.state.as_ref()?.inbox.as_ref()
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
    /// and the recorder, which must learn of the end, and the compressor if something `is_compressing`.
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
        if is_compressing && state.deflate.is_some() {
            self.state.get_or_insert_default().deflate = state.deflate;
        }
    }

    /// Frees unused memory.
    pub(super) fn trim(&mut self) {
        let Some(state) = &mut self.state else { return };
        if let Some(inbox) = &mut state.inbox {
            inbox.trim();
        }
        let State {
            attachments: Attachments { life: None, linked: None },
            inbox: None,
            job: None,
            deferral: None,
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
    use super::*;

    fn deferral(seq: u64) -> Option<Deferral> {
        Some(Deferral { seq, cmd: 1, flag: 2 })
    }

    #[test]
    fn unused_state_is_freed_and_used_state_is_not() {
        type Step = fn(&mut RareState);
        let cases: [(Step, Step); 4] = [
            (|rare| rare.put_inbox(Inbox::new(b"later")), |rare| drop(rare.take_inbox())),
            (|rare| rare.set_deferral(deferral(1)), |rare| assert!(rare.take_deferral(1).is_some())),
            (|rare| rare.set_deferral(deferral(1)), |rare| rare.set_deferral(None)),
            (|rare| assert!(rare.lend().0.get_or_add().life.is_none()), |_| {}),
        ];
        for (at, (put, take)) in cases.into_iter().enumerate() {
            let mut rare = RareState::default();
            rare.set_deferral(None);
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
        assert_eq!(rare.take_deferral(1), None);
        rare.set_deferral(deferral(2));
        assert_eq!(rare.take_deferral(1), None);
        assert_eq!(rare.take_deferral(2), deferral(2));
        assert_eq!(rare.take_deferral(2), None);
    }
}
