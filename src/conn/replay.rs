//! Inputs that only a replay gives, where the recording lacks the bytes. Only the number of bytes is used, so
//! they take no time and no memory.

use std::sync::Arc;

use super::connection::Conn;
use super::env::Env;
use super::head_checks::HeadChecks;
use super::inflaters::Inflaters;
use super::input::Input;
use super::noted_login::login_of;
use super::observed_inputs::Observed;
use super::phase::Phase;
use crate::handle::{Awaited, Taken};
use crate::mailbox;
use crate::packet::ErrorId;
use crate::recording::ReplaySource;
use crate::recording::frame::Frame;
use crate::recording::note::{Answered, Note};
use crate::recording::wire;
use crate::router::{Application, Outcome};

/// Bytes of a message that were read into its own buffer. The original space depended on memory kept from
/// earlier messages.
struct Direct<'a>(&'a [u8]);
/// An answer whose Data the recording lacks.
struct Answer<'a> {
    seq: u64,
    answer: &'a Answered,
    data: &'static [u8],
}
/// A push of `len` bytes, headers included.
struct Push {
    frame: Frame,
    len: usize,
    gathered: usize,
}
/// A reply that has become this frame. A replay compresses nothing.
struct Compressed(Frame);

/// A deferred request of the recorded connection.
#[derive(Debug)]
struct RecordedWait(ReplaySource);

impl Awaited for RecordedWait {
    fn is_open(&self) -> bool {
        true
    }

    fn answer(&self) -> Taken {
        Taken::InTime
    }

    fn leave_answer(&self, _: mailbox::Answer) -> Taken {
        Taken::InTime
    }

    fn take_answer(&self) -> Option<mailbox::Answer> {
        None
    }

    fn expire(&self) -> bool {
        self.0.take_expired()
    }

    fn end(&self) {}
}

/// Stands for the ticket of a request that the recorded connection has deferred.
pub(crate) fn recorded_wait(source: &ReplaySource) -> Arc<dyn Awaited> {
    Arc::new(RecordedWait(source.clone()))
}

impl Conn {
    pub(crate) fn replay_received(&mut self, bytes: &[u8]) {
        if self.is_open() {
            self.give(Direct(bytes), &mut ());
        }
    }

    pub(crate) fn replay_answer<S: Application>(
        &mut self,
        seq: u64,
        answer: &Answered,
        data: &'static [u8],
        env: &mut Env<S>,
    ) {
        self.give(Answer { seq, answer, data }, env);
    }

    pub(crate) fn replay_push<S: Application>(
        &mut self,
        frame: Frame,
        len: usize,
        gathered: usize,
        env: &mut Env<S>,
    ) {
        self.give(Push { frame, len, gathered }, env);
    }

    pub(crate) fn replay_compressed<S: Application>(&mut self, frame: Frame, env: &mut Env<S>) {
        self.give(Compressed(frame), env);
    }
}

impl<S: Application> Env<S> {
    /// From now on takes the results for heads and compressed messages from `source`, instead of checking
    /// them.
    pub(crate) fn replay(&mut self, source: &ReplaySource) {
        self.inflaters = Inflaters::Recorded(source.clone());
        self.head_checks = HeadChecks::Recorded(source.clone());
    }
}

impl Input<()> for Direct<'_> {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, (): &mut ()) {
        if let Phase::Open(open) = &mut conn.phase {
            open.decoder.receive(self.0);
        }
    }
}

impl Observed<()> for Direct<'_> {
    fn begin(&self, conn: &mut Conn, (): &()) {
        conn.begin_call_at(Note::Direct { bytes: wire::Bytes(self.0.to_vec()) }, None, 0);
    }

    fn end(&self, conn: &mut Conn, (): &(), (): &()) {
        conn.end_call();
    }
}

impl<S: Application> Input<Env<S>> for Answer<'_> {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        conn.answer_deferred(self.seq, env, |context| {
            if !matches!(self.answer, Answered::Refusal { .. }) {
                context.buffer.lend_absent(self.data);
            }
            match self.answer {
                Answered::Refusal { error_id } => Outcome::Refuse(ErrorId(*error_id)),
                Answered::RefusalWithData { error_id, .. } => {
                    context.refuse_with_data(ErrorId(*error_id), self.data);
                    Outcome::Done
                }
                Answered::Login { login, .. } => context.reply_and_log_in(login_of(login), self.data),
                Answered::Reply { .. } => context.reply(self.data),
            }
        });
    }
}

impl<S: Application> Observed<Env<S>> for Answer<'_> {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        conn.begin_answer(self.seq, self.answer.clone(), env);
    }

    fn end(&self, conn: &mut Conn, (): &(), env: &Env<S>) {
        conn.end_call_with_output(env);
    }
}

impl<S: Application> Input<Env<S>> for Push {
    type Output = bool;

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) -> bool {
        let cmd = self.frame.packet.as_ref().map_or(0, |packet| packet.cmd);
        conn.count_push(self.len, || cmd, self.gathered, env)
    }
}

impl<S: Application> Observed<Env<S>> for Push {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        conn.begin_call(Note::Push { gathered: self.gathered as u64, frame: self.frame.clone() }, env);
    }

    fn end(&self, conn: &mut Conn, is_admitted: &bool, env: &Env<S>) {
        if *is_admitted {
            conn.note(|| Note::Sent { frame: self.frame.clone() });
        }
        conn.end_call_with_output(env);
    }
}

impl<S: Application> Input<Env<S>> for Compressed {
    type Output = ();

    fn apply(&mut self, _: &mut Conn, _: &mut Env<S>) {}
}

impl<S: Application> Observed<Env<S>> for Compressed {
    fn begin(&self, conn: &mut Conn, env: &Env<S>) {
        conn.begin_call(Note::Compressed { frame: self.0.clone() }, env);
    }

    fn end(&self, conn: &mut Conn, (): &(), env: &Env<S>) {
        conn.end_call_with_output(env);
    }
}
