//! What a connection tells its recorder: each thing that it is given, before it has any effect, and what comes
//! of it. Most connections have no recorder, and ask one question to know it.

use super::lifecycle::Phase;
use super::packets::Hex;
use super::recorded_calls::note_sent;
use super::{Conn, Draining, Env, Line, Progress};
use crate::frame::Found;
use crate::moment::Moment;
use crate::push::Push;
use crate::record::Watch;
use crate::recording::codes;
use crate::recording::note::{Answered, Frame, Note, digest};
use crate::recording::wire::Bytes;
use crate::recording::{Goes, LATE_MS, Recorder};
use crate::router::Service;

impl Conn {
    /// Has all that happens from now on taken down; from the end of the message in hand, if there is one.
    pub(crate) fn record_with(&mut self, recorder: Recorder, now: Moment) {
        self.extras.set_recorder(recorder);
        self.record.set(Watch::RECORDER, true);
        self.begin_recording(now);
    }

    /// Ends the recording, if there is one.
    pub(crate) fn stop_recording(&mut self) {
        if let Some(recorder) = self.extras.noting() {
            recorder.end_call(Some(Note::Stopped {}));
        }
        self.drop_recorder();
    }

    pub(super) fn drop_recorder(&mut self) {
        self.extras.drop_recorder();
        self.record.set(Watch::RECORDER, false);
    }

    /// Notes what the connection is given.
    #[inline]
    pub(super) fn note_given<S>(&mut self, given: impl FnOnce() -> Note, env: &Env<S>) {
        if self.record.is_watched() {
            self.begin_call(given(), env);
        }
    }

    #[cold]
    fn begin_call<S>(&mut self, mut given: Note, env: &Env<S>) {
        let now = env.tools.now;
        if let Note::Answer { answer: Answered::Reply { hash, .. }, .. } = &mut given
            && self.extras.deferral().is_some_and(|deferral| env.service.is_secret(deferral.cmd))
        {
            *hash = 0;
        }
        self.begin_call_at(given, Some(now), env.tools.out.len());
        if let Some(recorder) = self.extras.noting() {
            let settings = &env.settings;
            recorder.note_stalls(settings.stalls.revision(), |now| settings.noted_stalls(now));
        }
        let due = self.next_deadline(&env.settings);
        if due.after(LATE_MS) < now
            && let Some(recorder) = self.extras.noting()
        {
            recorder.note_before(Note::Overdue { ms: now.since(due) });
        }
    }

    /// The same where nothing is lent that could be written to.
    #[inline]
    pub(super) fn note_given_at(&mut self, given: impl FnOnce() -> Note, now: Option<Moment>) {
        if self.record.is_watched() {
            self.begin_call_at(given(), now, 0);
        }
    }

    #[cold]
    fn begin_call_at(&mut self, given: Note, now: Option<Moment>, seen: usize) {
        if let Some(now) = now
            && self.extras.recorder().is_some_and(|recorder| !recorder.has_begun())
        {
            self.begin_recording(now);
        }
        let queued = self.outbox.queued();
        if let Some(recorder) = self.extras.noting() {
            recorder.begin_call(given, now, queued, seen);
        }
    }

    /// Notes what the socket said before the timers are looked at.
    pub(super) fn note_line(&mut self, line: Option<Line>) {
        if self.record.is_watched()
            && let Some(Line { unacknowledged, taken, is_idle }) = line
            && let Some(recorder) = self.extras.noting()
        {
            recorder.note_before(Note::Line { unacknowledged, taken, idle: is_idle });
        }
    }

    /// Whether this is a replay, which does not have the bytes that had to wait.
    pub(super) fn is_replayed(&mut self) -> bool {
        let recorder = if self.record.is_watched() { self.extras.noting() } else { None };
        recorder.is_some_and(|recorder| recorder.script().is_some())
    }

    /// What was found among bytes that are thrown away, in a replay: they are not in the recording.
    pub(super) fn recorded_find(&mut self) -> Option<Found> {
        if !self.record.is_watched() {
            return None;
        }
        Some(match self.extras.noting()?.script()?.found() {
            Some(true) => Found::Close,
            Some(false) => Found::InvalidClose,
            None => Found::Nothing,
        })
    }

    /// Notes something that came of what the connection was given.
    #[inline]
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if self.record.is_watched()
            && let Some(recorder) = self.extras.noting()
        {
            recorder.note(note());
        }
    }

    /// The call is over, and with it what it put into the write buffer.
    #[inline]
    pub(super) fn note_outcome<S>(&mut self, env: &Env<S>) {
        if self.record.is_watched() {
            if let Some(recorder) = self.extras.noting() {
                note_sent(recorder, env);
            }
            self.end_call();
        }
    }

    /// The call is over, which could not write anything.
    #[inline]
    pub(super) fn note_end(&mut self) {
        if self.record.is_watched() {
            self.end_call();
        }
    }

    #[cold]
    fn end_call(&mut self) {
        let closed = match self.phase {
            Phase::Closed(cause) => Some(Note::Closed { reason: codes::Reason::of(cause) }),
            _ => None,
        };
        let Some(recorder) = self.extras.noting() else { return };
        if recorder.end_call(closed) == Goes::Ended {
            self.drop_recorder();
        }
    }

    /// Keeps the input as it came: it is unmasked where it lies.
    #[cold]
    pub(super) fn note_input<S>(&mut self, input: &[u8], env: &Env<S>) {
        self.begin_call(
            Note::Input {
                gathered: env.tools.gathered() as u64,
                frames: 0,
                left: 0,
                draining: env.draining == Draining::Begun,
                discarded: 0,
                bytes: Bytes::default(),
            },
            env,
        );
        let is_over = matches!(self.phase, Phase::Closing(_) | Phase::Closed(_));
        if let Some(recorder) = self.extras.noting() {
            let call = &mut recorder.call;
            call.raw.clear();
            if !is_over {
                call.raw.extend_from_slice(input);
            }
            (call.offered, call.rest, call.frames_left) = (input.len(), 0, env.frames_left);
            call.is_over = is_over;
        }
    }

    /// So many bytes of the input are thrown away.
    pub(super) fn note_rest(&mut self, rest: usize) {
        if self.record.is_watched()
            && let Some(recorder) = self.extras.noting()
        {
            recorder.call.rest = rest;
        }
    }

    /// The input was taken, all but `left` bytes.
    #[cold]
    pub(super) fn note_taken<S>(&mut self, progress: Progress, left: usize, env: &Env<S>) {
        let peer = self.record.peer();
        let Some(recorder) = self.extras.noting().filter(|recorder| recorder.call.is_begun()) else { return };
        let call = &recorder.call;
        let taken = call.offered.saturating_sub(left);
        let alive = if call.is_over { 0 } else { taken.saturating_sub(call.rest) };
        let frames = if left == 0 { 0 } else { call.frames_left };
        let bytes = recorder.mask_input(alive, taken, &|cmd| env.service.hides(cmd));
        let discarded = taken.saturating_sub(bytes.len()) as u64;
        recorder.set_input(frames, left as u64, discarded, bytes);
        if let Progress::Introduced { named } = progress {
            recorder.begin_head();
            recorder.note(Note::Client { peer: named.then(|| peer.to_string()) });
        }
        self.note_outcome(env);
    }

    /// Notes the bytes that were put into the [`room`](Self::room), as they came.
    #[inline]
    pub(super) fn note_received<S>(&mut self, count: usize, env: &Env<S>) {
        if self.record.is_watched() {
            self.note_direct(count, env);
        }
    }

    #[cold]
    fn note_direct<S>(&mut self, count: usize, env: &Env<S>) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(recorder) = self.extras.noting() else { return };
        let room = open.decoder.receive_buffer();
        let came = room.and_then(|room| room.get(..count)).unwrap_or_default();
        let bytes = recorder.mask_message(came, &|cmd| env.service.hides(cmd));
        recorder.begin_call(Note::Direct { bytes: Bytes(bytes) }, None, self.outbox.queued(), 0);
        self.end_call();
    }

    /// The upgrade was answered.
    pub(super) fn note_response<S>(&mut self, env: &Env<S>) {
        if !self.record.is_watched() {
            return;
        }
        let Some(recorder) = self.extras.noting() else { return };
        let response = env.tools.out.get(recorder.call.seen..).unwrap_or_default();
        recorder.call.seen = env.tools.out.len();
        let status = response.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        recorder.note(Note::Response {
            status: status.unwrap_or_default(),
            len: response.len() as u64,
            hash: digest(response),
        });
    }

    /// [`admits`](Self::admits), where somebody looks.
    #[cold]
    pub(super) fn note_push<S>(&mut self, push: &Push, gathered: usize, env: &mut Env<S>) -> bool {
        let packets = matches!(env.service, Service::Packets(_));
        if let Some((frame, _)) = Frame::read(push.frame(), 0, packets, &|cmd| env.service.is_secret(cmd)) {
            self.begin_call(Note::Push { gathered: gathered as u64, frame: frame.clone() }, env);
            let admitted = self.admits_unseen(push.frame().len(), gathered, env);
            if admitted {
                self.note(|| Note::Sent { frame });
                if self.record.debug() {
                    log::info!("{} out {}", self.record.id, Hex(push.frame()));
                }
            }
            self.note_outcome(env);
            return admitted;
        }
        self.admits_unseen(push.frame().len(), gathered, env)
    }
}
