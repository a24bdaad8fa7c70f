//! What a connection tells its recorder: each thing that it is given, before it has any effect, and what comes
//! of it. Most connections have no recorder, and ask one question to know it.

use super::lifecycle::Phase;
use super::packets::Hex;
use super::recorded_calls::{kind_of, note_sent, number_of};
use super::{Conn, Env, Progress};
use crate::deflate::{Agreement, Deflate};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::push::Push;
use crate::record::{Counted, Peer, Watch};
use crate::recording::codes;
use crate::recording::file::{Begin, Opened, Owed};
use crate::recording::note::{Answered, Frame, Note, digest};
use crate::recording::wire::Bytes;
use crate::recording::{Goes, LATE_MS, Recorder};
use crate::router::{Deferral, Service};

/// For connections of which only that is known that messages may be compressed.
const ANY_AGREEMENT: Agreement = Agreement {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: None,
};

/// No connection has got or sent so many packets.
const MAX_COUNT: u64 = 1 << 60;

impl Conn {
    /// Has all that happens from now on taken down; from the end of the message in hand, if there is one.
    pub(crate) fn record_with(&mut self, recorder: Recorder, now: Moment) {
        self.extras.set_recorder(recorder);
        self.record.set(Watch::RECORDER, true);
        self.begin_recording(now);
    }

    /// Ends the recording, if there is one.
    pub(crate) fn stop_recording(&mut self) {
        if let Some(recorder) = self.extras.recorder().filter(|recorder| recorder.has_begun()) {
            recorder.end_call(Some(Note::Stopped {}));
        }
        self.drop_recorder();
    }

    fn drop_recorder(&mut self) {
        self.extras.drop_recorder();
        self.record.set(Watch::RECORDER, false);
    }

    /// A connection as it was when a recording of it began.
    pub(crate) fn from_begin(id: ConnectionId, begin: &Begin) -> Option<Self> {
        let connected = Moment::from_ms(begin.connected_ms);
        let Some(opened) = &begin.open else {
            let make = if begin.proxied { Conn::behind_proxy } else { Conn::new };
            return Some(make(id, Peer::Local, connected));
        };
        if opened.recv_count.max(opened.send_count) > MAX_COUNT {
            return None;
        }
        let mut conn = Conn::new(id, Peer::Local, connected);
        conn.phase = Phase::open();
        conn.opened = true;
        conn.ended = opened.ended;
        conn.record.go_on_from(Counted {
            role_id: opened.role_id,
            kind: kind_of(opened.kind)?,
            recv_count: opened.recv_count,
            send_count: opened.send_count,
            last_recv_count: opened.last_recv_count,
            loop_counter: opened.loop_counter,
            error_send: opened.error_send,
            bad_req_count: opened.bad_req_count,
        });
        conn.deadlines = super::Deadlines::from_noted(&opened.deadlines);
        if let Some(Owed { seq, cmd, flag }) = opened.deferral {
            conn.extras.set_deferral(Some(Deferral { seq, cmd, flag }));
        }
        if opened.deflate {
            // What is inflated is recorded, and what is compressed is not compared.
            conn.extras.set_deflate(Deflate::new(ANY_AGREEMENT)?);
        }
        Some(conn)
    }

    /// Lets the recording begin if the connection is at a point from which it can be replayed.
    fn begin_recording(&mut self, now: Moment) {
        let open = match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) if self.record.connected_at() == now => None,
            Phase::Open(open) if open.decoder.is_idle() => {
                let counted = self.record.counted();
                Some(Opened {
                    role_id: counted.role_id,
                    kind: number_of(counted.kind),
                    recv_count: counted.recv_count,
                    send_count: counted.send_count,
                    last_recv_count: counted.last_recv_count,
                    loop_counter: counted.loop_counter,
                    error_send: counted.error_send,
                    bad_req_count: counted.bad_req_count,
                    deflate: self.extras.compresses(),
                    ended: self.ended,
                    deferral: self.extras.deferral().map(|Deferral { seq, cmd, flag }| Owed {
                        seq,
                        cmd,
                        flag,
                    }),
                    deadlines: self.deadlines.noted(),
                })
            }
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) => return,
            // There is nothing left to be seen.
            Phase::Closing(_) | Phase::Closed(_) => return self.drop_recorder(),
        };
        let begin = Begin {
            now_ms: now.as_ms(),
            connected_ms: self.record.connected_at().as_ms(),
            proxied: matches!(self.phase, Phase::Proxied(_)),
            open,
        };
        if let Some(recorder) = self.extras.recorder() {
            recorder.begin(begin);
        }
    }

    /// The recorder, if it takes notes.
    fn recorder(&mut self) -> Option<&mut Recorder> {
        self.extras.recorder().filter(|recorder| recorder.has_begun())
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
        if let Some(recorder) = self.recorder() {
            recorder.note_listening(env.settings.listening_since);
        }
        let due = self.next_deadline(&env.settings);
        if due.after(LATE_MS) < now
            && let Some(recorder) = self.recorder()
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
        if let Some(recorder) = self.recorder() {
            recorder.begin_call(given, now, queued, seen);
        }
    }

    /// Notes something that came of what the connection was given.
    #[inline]
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if self.record.is_watched()
            && let Some(recorder) = self.recorder()
        {
            recorder.note(note());
        }
    }

    /// The call is over, and with it what it put into the write buffer.
    #[inline]
    pub(super) fn note_outcome<S>(&mut self, env: &Env<S>) {
        if self.record.is_watched() {
            if let Some(recorder) = self.recorder() {
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
        let Some(recorder) = self.recorder() else { return };
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
                draining: env.draining,
                discarded: 0,
                bytes: Bytes::default(),
            },
            env,
        );
        let is_over = matches!(self.phase, Phase::Closing(_) | Phase::Closed(_));
        if let Some(recorder) = self.recorder() {
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
            && let Some(recorder) = self.recorder()
        {
            recorder.call.rest = rest;
        }
    }

    /// The input was taken, all but `left` bytes.
    #[cold]
    pub(super) fn note_taken<S>(&mut self, progress: Progress, left: usize, env: &Env<S>) {
        let peer = self.record.peer();
        let Some(recorder) = self.recorder().filter(|recorder| recorder.call.is_begun()) else { return };
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
    pub(super) fn note_received(&mut self, count: usize) {
        if self.record.is_watched() {
            self.note_direct(count);
        }
    }

    #[cold]
    fn note_direct(&mut self, count: usize) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(recorder) = self.extras.recorder().filter(|recorder| recorder.has_begun()) else { return };
        let room = open.decoder.room();
        let came = room.and_then(|room| room.get(..count)).unwrap_or_default();
        // Within a message it is known by now whether it is hidden, or its command is still to come.
        let bytes = recorder.mask_message(came);
        recorder.begin_call(Note::Direct { bytes: Bytes(bytes) }, None, self.outbox.queued(), 0);
        self.end_call();
    }

    /// The upgrade was answered.
    pub(super) fn note_response<S>(&mut self, env: &Env<S>) {
        if !self.record.is_watched() {
            return;
        }
        let Some(recorder) = self.recorder() else { return };
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
        if let Some((frame, _)) = Frame::read(push.frame(), packets, &|cmd| env.service.is_secret(cmd)) {
            self.begin_call(Note::Push { gathered: gathered as u64, frame: frame.clone() }, env);
            let admitted = self.admits_unseen(push, gathered, env);
            if admitted {
                self.note(|| Note::Sent { frame });
                if self.record.debug() {
                    log::info!("{} out {}", self.record.id, Hex(push.frame()));
                }
            }
            self.note_outcome(env);
            return admitted;
        }
        self.admits_unseen(push, gathered, env)
    }
}
