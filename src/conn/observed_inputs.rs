//! Notes for the inputs of a recorded connection.

use super::connection::Conn;
use super::dispatch::Hex;
use super::env::Env;
use super::input::{
    Abort, Answer, Bytes, Close, Compressed, End, Flushed, HearOnly, InFlight, Input, LogIn, LogOut, NotTls,
    Progress, PushFrame, Received, Refuse, Timers, Written,
};
use super::noted_login::noted_login;
use super::phase::Phase;
use super::settings::Draining;
use crate::cause::Cause;
use crate::moment::Moment;
use crate::recording::codes::Reason;
use crate::recording::frame::Frame;
use crate::recording::note::{Answered, Note};
use crate::recording::wire;
use crate::router::Application;
use crate::upgrade::Refusal;

/// How an [`Input`] is noted. Both methods are called only while the connection is watched.
pub(super) trait Observed<Lent>: Input<Lent> {
    /// Before the input has any effect.
    fn begin(&self, conn: &mut Conn, lent: &Lent);

    /// Called once the input has been handled.
    fn end(&self, conn: &mut Conn, output: &Self::Output, lent: &Lent);
}

/// Implements [`Observed`] for inputs that are noted beforehand and whose output is noted afterwards.
macro_rules! observed {
    ($($input:ty, |$self:ident| $note:expr;)*) => {$(
        impl<S: Application> Observed<Env<S>> for $input {
            fn begin(&self, conn: &mut Conn, env: &Env<S>) {
                let $self = self;
                conn.begin_call($note, env);
            }

            fn end(&self, conn: &mut Conn, _: &Self::Output, env: &Env<S>) {
                conn.end_call_with_output(env);
            }
        }
    )*};
}

/// Implements [`Observed`] for inputs to which a connection cannot answer.
macro_rules! observed_at {
    ($($input:ty, |$self:ident| $note:expr;)*) => {$(
        impl Observed<Moment> for $input {
            fn begin(&self, conn: &mut Conn, now: &Moment) {
                let $self = self;
                conn.begin_call_at($note, Some(*now), 0);
            }

            fn end(&self, conn: &mut Conn, _: &Self::Output, _: &Moment) {
                conn.end_call();
            }
        }
    )*};
}

observed! {
    Close, |close| Note::Close { reason: Reason::of(close.0) };
    Refuse, |refuse| Note::Refuse { reason: reason_of(refuse.0) };
    NotTls, |_not_tls| Note::NotTls {};
    InFlight, |it| Note::InFlight { bytes: it.bytes, progress: it.progress };
    LogIn<'_>, |it| Note::LogIn { login: noted_login(it.0) };
    LogOut, |_log_out| Note::LogOut {};
}

observed_at! {
    End, |_end| Note::End {};
    Written, |_written| Note::Written {};
    Flushed, |_flushed| Note::Flushed {};
    HearOnly, |hear| Note::Hear { reason: reason_of(hear.0) };
}

fn reason_of(refusal: Refusal) -> Reason {
    Reason::of(Cause::Refused(refusal))
}

impl Observed<()> for Abort {
    fn begin(&self, conn: &mut Conn, (): &()) {
        conn.begin_call_at(Note::Abort { reason: Reason::of(self.0) }, None, 0);
    }

    fn end(&self, conn: &mut Conn, (): &(), (): &()) {
        conn.end_call();
    }
}

impl<S: Application> Observed<Env<S>> for Timers {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        conn.begin_call(Note::Timers {}, env);
        if let Some(report) = self.0
            && let Some(recorder) = conn.rare.noting()
        {
            let (unacknowledged, taken) = (report.unacknowledged, report.taken);
            recorder.note_before(Note::Line { unacknowledged, taken, idle: report.is_idle });
        }
    }

    fn end(&self, conn: &mut Conn, (): &(), env: &Env<S>) {
        conn.end_call_with_output(env);
    }
}

impl<S: Application> Observed<Env<S>> for Answer<'_> {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        let mut answer = Answered::of(self.answer, noted_login);
        conn.leave_out_data(self.seq, &mut answer, env);
        conn.begin_answer(self.seq, answer, env);
    }

    fn end(&self, conn: &mut Conn, (): &(), env: &Env<S>) {
        conn.end_call_with_output(env);
    }
}

impl Conn {
    /// Notes an answer; the Data of a secret command leaves no hash.
    pub(super) fn begin_answer<S: Application>(&mut self, seq: u64, mut answer: Answered, env: &Env<S>) {
        if self.deferred_cmd(seq).is_some_and(|cmd| env.service.is_secret(cmd)) {
            answer.hide();
        }
        self.begin_call(Note::Answer { seq, answer }, env);
    }

    /// Notes a refusal without the Data that its route does not allow.
    fn leave_out_data<S: Application>(&self, seq: u64, answer: &mut Answered, env: &Env<S>) {
        if let Answered::RefusalWithData { error_id, .. } = *answer
            && !self.refuses_with_data(seq, env)
        {
            *answer = Answered::Refusal { error_id };
        }
    }
}

impl<S: Application> Observed<Env<S>> for Bytes<'_, '_> {
    /// Keeps a copy of the input, because it is unmasked in place.
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        let given = Note::Input {
            gathered: env.tools.write_buffer.gathered() as u64,
            frames: 0,
            left: 0,
            draining: env.draining == Draining::Begun,
            discarded: 0,
            bytes: wire::Bytes::default(),
        };
        conn.begin_call(given, env);
        let is_over = conn.is_over();
        if let Some(recorder) = conn.rare.noting() {
            let call = &mut recorder.call;
            call.raw.clear();
            if !is_over {
                call.raw.extend_from_slice(self.0);
            }
            (call.offered, call.rest, call.frames_left) = (self.0.len(), 0, env.frames_left);
            call.is_over = is_over;
        }
    }

    /// Only now is it known which part of the input was taken and so may be recorded.
    fn end(&self, conn: &mut Conn, progress: &Progress, env: &Env<S>) {
        let (peer, left) = (conn.record.peer(), self.0.len());
        let Some(recorder) = conn.rare.noting().filter(|recorder| recorder.call.is_begun()) else { return };
        let call = &recorder.call;
        let taken = call.offered.saturating_sub(left);
        let alive = if call.is_over { 0 } else { taken.saturating_sub(call.rest) };
        let frames = if left == 0 { 0 } else { call.frames_left };
        let bytes = recorder.mask_input(alive, taken, &|cmd| env.service.hides(cmd));
        let discarded = taken.saturating_sub(bytes.len()) as u64;
        recorder.set_input(frames, left as u64, discarded, bytes);
        if let Progress::Introduced { named } = *progress {
            recorder.begin_head();
            recorder.note(Note::Client { peer: named.then(|| peer.to_string()) });
        }
        conn.end_call_with_output(env);
    }
}

impl<'e, S: Application> Observed<&'e Env<S>> for Received {
    /// Notes the bytes before they are unmasked.
    fn begin(&self, conn: &mut Conn, env: &&'e Env<S>) {
        let Phase::Open(open) = &mut conn.phase else { return };
        let Some(recorder) = conn.rare.noting() else { return };
        let buffer = open.decoder.receive_buffer();
        let came = buffer.and_then(|buffer| buffer.get(..self.0)).unwrap_or_default();
        let bytes = recorder.mask_message(came, &|cmd| env.service.hides(cmd));
        recorder.begin_call(Note::Direct { bytes: wire::Bytes(bytes) }, None, conn.outbox.queued(), 0);
    }

    fn end(&self, conn: &mut Conn, (): &(), _: &&'e Env<S>) {
        conn.end_call();
    }
}

impl<S: Application> Observed<Env<S>> for PushFrame<'_> {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        if let Some(frame) = self.noted(env) {
            conn.begin_call(Note::Push { gathered: self.gathered as u64, frame }, env);
        }
    }

    fn end(&self, conn: &mut Conn, is_admitted: &bool, env: &Env<S>) {
        if *is_admitted {
            if let (Some(frame), Some(recorder)) = (self.noted(env), conn.rare.noting()) {
                recorder.note(Note::Sent { frame });
            }
            log_sent(conn, self.push.frame());
        }
        conn.end_call_with_output(env);
    }
}

impl PushFrame<'_> {
    fn noted<S: Application>(&self, env: &Env<S>) -> Option<Frame> {
        let is_secret = |cmd| env.service.is_secret(cmd);
        Some(Frame::read(self.push.frame(), 0, env.has_packets(), &is_secret)?.0)
    }
}

impl<S: Application> Observed<Env<S>> for Compressed {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        let is_secret = |cmd| env.service.is_secret(cmd);
        if let Some((frame, _)) = Frame::read(&self.frame, 0, env.has_packets(), &is_secret) {
            conn.begin_call(Note::Compressed { frame }, env);
            log_sent(conn, &self.frame);
        }
    }

    fn end(&self, conn: &mut Conn, (): &(), env: &Env<S>) {
        conn.end_call_with_output(env);
    }
}

/// Writes a frame to the log of a connection under debug.
fn log_sent(conn: &Conn, frame: &[u8]) {
    if conn.record.debug() {
        log::info!("{} out {}", conn.record.id, Hex::of(frame));
    }
}
