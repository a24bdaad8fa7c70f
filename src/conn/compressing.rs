//! Replies that are compressed slice by slice, while the connection goes on with what else there is.

use super::lifecycle::Phase;
use super::packets::{Call, Hex};
use super::{Conn, Env, Outbox};
use crate::recording::note::{Frame, Note};
use crate::router::{COMPRESSED_BYTES_PER_FRAME, Job, Place, SLICE_BYTES, Tools};

impl Conn {
    /// Whether a reply is being compressed: then the connection has to be given time
    /// ([`go_on_compressing`](Self::go_on_compressing)).
    pub(crate) fn has_job(&self) -> bool {
        self.outbox.job().is_some_and(Job::has_place) && !matches!(self.phase, Phase::Closed(_))
    }

    /// Lets a connection compress that has waited for its turn. False if it has no use for that any more.
    pub(crate) fn take_place(&mut self, place: Place) -> bool {
        if let Some(job) = self.outbox.job_mut() {
            job.set_place(place);
        }
        self.has_job()
    }

    /// Compresses one slice of the reply that is next, or several short replies. True if there is more to be written
    /// now.
    pub(crate) fn go_on_compressing<S>(&mut self, env: &mut Env<S>) -> bool {
        let (mut left, mut is_more_ready) = (SLICE_BYTES, false);
        while self.has_job()
            && left > 0
            && let Some(job) = self.outbox.job_mut()
        {
            let slice = job.go_on(left, self.extras.deflate());
            // However short a message is, ending it costs something.
            let taken = slice.taken.max(COMPRESSED_BYTES_PER_FRAME);
            left = left.saturating_sub(taken);
            env.count_compressed(taken);
            let Some(frame) = slice.frame else { continue };
            if self.record.is_watched()
                && let Some((noted, _)) =
                    Frame::read(&frame, 0, env.has_packets(), &|cmd| env.service.is_secret(cmd))
            {
                self.note_given(|| Note::Compressed { frame: noted }, env);
                if self.record.debug() {
                    log::info!("{} out {}", self.record.id, Hex(&frame));
                }
            }
            let place = self.outbox.end_job(frame).and_then(|mut job| job.take_place());
            if let Some(deflate) = self.extras.deflate() {
                deflate.set_busy(self.outbox.has_jobs());
            }
            self.hand_on(place, left, env);
            self.note_outcome(env);
            is_more_ready = true;
        }
        is_more_ready
    }

    /// Gives the place of a reply that is compressed to the next one, if that is short enough to come along; otherwise
    /// it goes to who has waited longest.
    fn hand_on<S>(&mut self, place: Option<Place>, left: usize, env: &mut Env<S>) {
        let id = self.record.id;
        let Some(next) = self.outbox.job_mut() else { return };
        let place = place.filter(|_| next.rest() <= left).or_else(|| env.tools.places.ask(id));
        if let Some(place) = place {
            next.set_place(place);
        }
    }

    /// In a replay, which compresses nothing: a reply has become this frame.
    pub(crate) fn note_compressed<S>(&mut self, frame: Frame, env: &Env<S>) {
        self.note_given(|| Note::Compressed { frame }, env);
        self.note_outcome(env);
    }

    /// Whether the client's end has to wait for a reply that is still being compressed.
    pub(super) fn is_compressing(&mut self) -> bool {
        let recorded = self.extras.noting().and_then(|recorder| Some(recorder.script()?.is_compressing()));
        let is_compressing = recorded.unwrap_or_else(|| self.outbox.has_jobs());
        if is_compressing {
            self.note(|| Note::Compressing {});
        }
        is_compressing
    }
}

impl Call<'_> {
    /// Has the replies that a handler wants compressed slice by slice wait in the outbox, in their place among what
    /// else was gathered.
    #[cold]
    pub(super) fn queue_jobs<S>(&mut self, env: &mut Env<S>) {
        let Tools { out, start, jobs, borrowed, places, .. } = &mut env.tools;
        let gathered = out.get(*start..).unwrap_or_default();
        let had_jobs = self.outbox.has_jobs();
        let mut recorder = self.extras.noting();
        if recorder.as_ref().is_some_and(|recorder| recorder.script().is_some()) {
            // A replay has the outbox only as a number.
            let weight: usize = jobs.drain(..).map(|(_, job)| job.weight()).sum();
            *self.outbox =
                Outbox::of_bytes(self.outbox.queued() + gathered.len() + borrowed.bytes() + weight);
            borrowed.clear();
        } else {
            debug_assert!(borrowed.is_empty(), "nothing is borrowed where something is compressed");
            let (mut rest, mut passed) = (gathered, *start);
            for (at, job) in jobs.drain(..) {
                let (before, behind) = rest.split_at(at.saturating_sub(passed).min(rest.len()));
                self.outbox.push_unwritten(before, 0);
                self.outbox.push_job(job);
                (rest, passed) = (behind, at);
            }
            self.outbox.push_unwritten(rest, 0);
        }
        out.truncate(*start);
        if let Some(recorder) = &mut recorder {
            recorder.call.seen = out.len();
        }
        if !had_jobs
            && let Some(job) = self.outbox.job_mut()
            && let Some(place) = places.ask(self.record.id)
        {
            job.set_place(place);
        }
    }
}
