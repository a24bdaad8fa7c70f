//! The observer of one connection: notes each input before its effect, and then its results.
//!
//! The connection asks [`Record::is_watched`](crate::record::Record::is_watched) first, so a connection that
//! nobody watches pays for one test. In a replay, the observer also supplies the parts that the recording
//! does not hold.

use super::connection::Conn;
use super::env::Env;
use super::observed_dispatch::note_sent;
use super::phase::Phase;
use crate::frame::Found;
use crate::moment::Moment;
use crate::record::Flag;
use crate::recording::codes::Reason;
use crate::recording::frame::digest;
use crate::recording::note::Note;
use crate::recording::{LATE_MS, Recorded, Recorder};
use crate::router::Application;

impl Conn {
    /// Starts recording: at once, or, within a message, at the end of that message.
    pub(crate) fn record_with(&mut self, recorder: Recorder, now: Moment) {
        self.rare.set_recorder(recorder);
        self.record.set(Flag::RECORDER, true);
        self.begin_recording(now);
    }

    /// Ends the recording, if there is one.
    pub(crate) fn stop_recording(&mut self) {
        if let Some(recorder) = self.rare.noting() {
            recorder.end_call(Some(Note::Stopped {}));
        }
        self.drop_recorder();
    }

    fn drop_recorder(&mut self) {
        self.rare.drop_recorder();
        self.record.set(Flag::RECORDER, false);
    }

    /// Begins the recording once the connection is at a point from which it can be replayed.
    fn begin_recording(&mut self, now: Moment) {
        if self.is_over() {
            // There is nothing left to record.
            return self.drop_recorder();
        }
        if let Some(begin) = self.snapshot(now)
            && let Some(recorder) = self.rare.recorder()
        {
            recorder.begin(begin);
            if let (Some(note), Some(recorder)) = (self.noted_tickets(), self.rare.recorder()) {
                recorder.note_before(note);
            }
        }
    }

    /// Notes an input to which the connection can answer.
    pub(super) fn begin_call<S: Application>(&mut self, given: Note, env: &Env<S>) {
        let now = env.tools.now;
        self.begin_call_at(given, Some(now), env.tools.write_buffer.bytes.len());
        let connected = self.record.connected_at();
        if let Some(recorder) = self.rare.noting() {
            let settings = &env.settings;
            let revision = settings.stalls.revision();
            recorder.note_stalls(revision, connected, |now| settings.noted_stalls(now));
        }
        let due = self.next_deadline(&env.settings);
        if due.after(LATE_MS) < now
            && let Some(recorder) = self.rare.noting()
        {
            recorder.note_before(Note::Overdue { ms: now.since(due) });
        }
    }

    /// Notes an input to which the connection cannot answer. The first `seen` bytes of the write buffer
    /// belong to others.
    pub(super) fn begin_call_at(&mut self, given: Note, now: Option<Moment>, seen: usize) {
        if let Some(now) = now
            && self.rare.recorder().is_some_and(|recorder| !recorder.has_begun())
        {
            self.begin_recording(now);
        }
        let queued = self.outbox.queued();
        if let Some(recorder) = self.rare.noting() {
            recorder.begin_call(given, now, queued, seen);
        }
    }

    /// Notes one result of the input.
    #[inline]
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if self.record.is_watched()
            && let Some(recorder) = self.rare.noting()
        {
            recorder.note(note());
        }
    }

    /// Ends the notes of an input, with what the connection has put into the write buffer.
    pub(super) fn end_call_with_output<S: Application>(&mut self, env: &Env<S>) {
        if let Some(recorder) = self.rare.noting() {
            note_sent(recorder, env);
        }
        self.end_call();
    }

    /// Ends the notes of an input.
    pub(super) fn end_call(&mut self) {
        let closed = match self.phase {
            Phase::Closed(cause) => Some(Note::Closed { reason: Reason::of(cause) }),
            _ => None,
        };
        let Some(recorder) = self.rare.noting() else { return };
        if recorder.end_call(closed) == Recorded::Ended {
            self.drop_recorder();
        }
    }

    /// Notes that the connection has entered a phase.
    #[cold]
    pub(super) fn observe_phase(&mut self) {
        let Phase::Closing(closing) = &mut self.phase else { return };
        let Some(recorder) = self.rare.noting() else { return };
        recorder.note(Note::Closing { reason: Reason::of(closing.cause) });
        if let Some(source) = recorder.replayed() {
            closing.replay(source.clone());
        }
    }

    /// Notes a Close that was found among discarded bytes.
    pub(super) fn observe_found(&mut self, found: Found) {
        if found != Found::Nothing {
            self.note(|| Note::PeerClose { valid: found == Found::Close });
        }
    }

    /// Notes that `rest` bytes of the input are discarded.
    pub(super) fn observe_rest(&mut self, rest: usize) {
        if self.record.is_watched()
            && let Some(recorder) = self.rare.noting()
        {
            recorder.call.rest = rest;
        }
    }

    /// Notes the answer to the upgrade.
    pub(super) fn observe_response<S: Application>(&mut self, env: &Env<S>) {
        if !self.record.is_watched() {
            return;
        }
        let Some(recorder) = self.rare.noting() else { return };
        let response = env.tools.write_buffer.bytes.get(recorder.call.seen..).unwrap_or_default();
        recorder.call.seen = env.tools.write_buffer.bytes.len();
        let status = response.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        recorder.note(Note::Response {
            status: status.unwrap_or_default(),
            len: response.len() as u64,
            hash: digest(response),
        });
    }
}
