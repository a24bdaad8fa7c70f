//! What only some connections have, in one allocation that the others do without.

use super::Inbox;
use super::job::{Job, Subject};
use super::progress::Look;
use crate::deflate::Deflate;
use crate::handle::{Tied, Ties};
use crate::object::Linked;
use crate::recording::Recorder;
use crate::router::Deferral;

/// Nothing, for a connection that only gets packets and answers them at once.
#[derive(Debug, Default)]
pub(super) struct Extras {
    parts: Option<Box<Parts>>,
}

#[derive(Debug, Default)]
struct Parts {
    ties: Ties,
    /// Bytes that were read but had to wait.
    inbox: Option<Inbox>,
    /// A message that is being inflated; what comes next waits for it.
    job: Option<Box<Job>>,
    /// The request whose reply comes later; the next packet waits for it.
    deferral: Option<Deferral>,
    /// Present if messages may be compressed.
    deflate: Option<Box<Deflate>>,
    /// Present while a client is silent that still takes what it is sent, or may do so.
    look: Option<Look>,
    /// Present if it is recorded.
    recorder: Option<Box<Recorder>>,
}

impl Tied for Option<Box<Parts>> {
    fn ties(&mut self) -> &mut Ties {
        &mut self.get_or_insert_default().ties
    }
}

impl Extras {
    /// What a call into the application works on.
    pub(super) fn lend(&mut self) -> (&mut dyn Tied, Option<&mut Deflate>) {
        match self.parts {
            Some(ref mut parts) => (&mut parts.ties, parts.deflate.as_deref_mut()),
            ref mut none => (none, None),
        }
    }

    /// Whether messages may be compressed.
    pub(super) fn compresses(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.deflate.is_some())
    }

    /// Whether messages of the server are compressed with the window of those before them.
    pub(super) fn is_dedicated(&self) -> bool {
        let deflate = self.parts.as_ref().and_then(|parts| parts.deflate.as_ref());
        deflate.is_some_and(|deflate| deflate.is_dedicated())
    }

    /// What a compressed message can refer back to.
    pub(super) fn window(&self, subject: Subject) -> &[u8] {
        let deflate = self.parts.as_ref().and_then(|parts| parts.deflate.as_ref());
        match (subject, deflate) {
            (Subject::Message(_), Some(deflate)) => deflate.window(),
            (Subject::Message(_), None) | (Subject::Data, _) => &[],
        }
    }

    /// A message was inflated, to which the next can refer back.
    pub(super) fn remember(&mut self, message: &[u8]) {
        if let Some(parts) = &mut self.parts
            && let Some(deflate) = &mut parts.deflate
        {
            deflate.remember(message);
        }
    }

    pub(super) fn job(&self) -> Option<&Job> {
        self.parts.as_ref()?.job.as_deref()
    }

    pub(super) fn take_job(&mut self) -> Option<Box<Job>> {
        self.parts.as_mut()?.job.take()
    }

    pub(super) fn set_job(&mut self, job: Box<Job>) {
        self.parts.get_or_insert_default().job = Some(job);
    }

    pub(super) fn deflate(&mut self) -> Option<&mut Deflate> {
        self.parts.as_mut()?.deflate.as_deref_mut()
    }

    pub(super) fn set_deflate(&mut self, deflate: Deflate) {
        self.parts.get_or_insert_default().deflate = Some(Box::new(deflate));
    }

    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.parts.as_mut()?.recorder.as_deref_mut()
    }

    /// The recorder, if it takes notes.
    pub(super) fn noting(&mut self) -> Option<&mut Recorder> {
        self.recorder().filter(|recorder| recorder.has_begun())
    }

    pub(super) fn set_recorder(&mut self, recorder: Recorder) {
        self.parts.get_or_insert_default().recorder = Some(Box::new(recorder));
    }

    pub(super) fn drop_recorder(&mut self) {
        if let Some(parts) = &mut self.parts {
            parts.recorder = None;
        }
    }

    /// Whether a reply is owed that comes later.
    pub(super) fn is_deferred(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.deferral.is_some())
    }

    #[inline(always)]
    pub(super) fn set_deferral(&mut self, deferral: Option<Deferral>) {
        if deferral.is_some() || self.is_deferred() {
            self.put_deferral(deferral);
        }
    }

    #[cold]
    fn put_deferral(&mut self, deferral: Option<Deferral>) {
        self.parts.get_or_insert_default().deferral = deferral;
    }

    pub(super) fn deferral(&self) -> Option<Deferral> {
        self.parts.as_ref()?.deferral
    }

    /// The request with that number, if it is the one that waits for its reply.
    pub(super) fn take_deferral(&mut self, seq: u64) -> Option<Deferral> {
        self.parts.as_mut()?.deferral.take_if(|deferral| deferral.seq == seq)
    }

    /// Whether bytes wait, or a message that is not inflated yet.
    pub(super) fn has_input(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.inbox.is_some() || parts.job.is_some())
    }

    pub(super) fn inbox(&self) -> Option<&Inbox> {
        self.parts.as_ref()?.inbox.as_ref()
    }

    pub(super) fn take_inbox(&mut self) -> Option<Inbox> {
        self.parts.as_mut()?.inbox.take()
    }

    pub(super) fn put_inbox(&mut self, inbox: Inbox) {
        self.parts.get_or_insert_default().inbox = Some(inbox);
    }

    /// What was known when it was last looked how much the client has taken.
    pub(super) fn look(&mut self) -> Option<&mut Look> {
        self.parts.as_mut()?.look.as_mut()
    }

    pub(super) fn set_look(&mut self, look: Option<Look>) {
        if look.is_some() || self.look().is_some() {
            self.parts.get_or_insert_default().look = look;
        }
    }

    pub(super) fn linked_number(&self) -> Option<u64> {
        self.parts.as_ref()?.ties.linked.as_ref().map(Linked::number)
    }

    pub(super) fn take_linked(&mut self) -> Option<Linked> {
        self.parts.as_mut()?.ties.linked.take()
    }

    /// No more packets are handled: all is of no use any more but the linked object, which has to be told
    /// of the end, the recorder, which has it to tell of, and, if something `is_compressing`, its compressor.
    pub(super) fn end(&mut self, is_compressing: bool) {
        let Some(parts) = self.parts.take() else { return };
        if let Some(life) = parts.ties.life {
            life.end();
        }
        if parts.ties.linked.is_some() {
            self.parts.ties().linked = parts.ties.linked;
        }
        if parts.recorder.is_some() {
            self.parts.get_or_insert_default().recorder = parts.recorder;
        }
        if is_compressing && parts.deflate.is_some() {
            self.parts.get_or_insert_default().deflate = parts.deflate;
        }
    }

    /// Gives back the memory that is not in use.
    pub(super) fn trim(&mut self) {
        let Some(parts) = &mut self.parts else { return };
        if let Some(inbox) = &mut parts.inbox {
            inbox.trim();
        }
        let Parts {
            ties: Ties { life: None, linked: None },
            inbox: None,
            job: None,
            deferral: None,
            deflate: None,
            look: None,
            recorder: None,
        } = **parts
        else {
            return;
        };
        self.parts = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deferral(seq: u64) -> Option<Deferral> {
        Some(Deferral { seq, cmd: 1, flag: 2 })
    }

    #[test]
    fn what_is_not_used_is_given_back_and_no_sooner() {
        type Step = fn(&mut Extras);
        let cases: [(Step, Step); 4] = [
            (|extras| extras.put_inbox(Inbox::new(b"later")), |extras| drop(extras.take_inbox())),
            (|extras| extras.set_deferral(deferral(1)), |extras| assert!(extras.take_deferral(1).is_some())),
            (|extras| extras.set_deferral(deferral(1)), |extras| extras.set_deferral(None)),
            (|extras| assert!(extras.lend().0.ties().life.is_none()), |_| {}),
        ];
        for (at, (put, take)) in cases.into_iter().enumerate() {
            let mut extras = Extras::default();
            extras.set_deferral(None);
            assert!(extras.parts.is_none(), "nothing was put there");
            put(&mut extras);
            let is_used = extras.has_input() || extras.is_deferred();
            extras.trim();
            assert_eq!(extras.parts.is_some(), is_used, "case {at}");
            take(&mut extras);
            extras.trim();
            assert!(extras.parts.is_none(), "case {at}");
        }
    }

    #[test]
    fn only_the_request_that_waits_is_answered() {
        let mut extras = Extras::default();
        assert_eq!(extras.take_deferral(1), None);
        extras.set_deferral(deferral(2));
        assert_eq!(extras.take_deferral(1), None);
        assert_eq!(extras.take_deferral(2), deferral(2));
        assert_eq!(extras.take_deferral(2), None);
    }
}
