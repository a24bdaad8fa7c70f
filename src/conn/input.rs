//! All inputs of a connection, and the single function that takes them: [`Conn::give`].
//!
//! An input is a value. Each input implements [`Input`] (its effect), in the file that it belongs to, and
//! [`Observed`] (its note in a recording), in `observed_inputs.rs`. The public methods here only name the
//! inputs for the reactor.

use super::closing::SocketReport;
use super::connection::Conn;
use super::env::Env;
use super::observed_inputs::Observed;
use super::phase::Phase;
use super::settings::Settings;
use crate::cause::Cause;
use crate::mailbox;
use crate::moment::Moment;
use crate::push::Push;
use crate::router::Application;
use crate::upgrade::Refusal;

/// An input of a connection. The call also gets an [`Env`] if the connection may send something, otherwise
/// only the time.
pub(super) trait Input<Lent> {
    type Output;

    fn apply(&mut self, conn: &mut Conn, lent: &mut Lent) -> Self::Output;
}

/// Bytes from the socket, or bytes that were kept. It leaves the bytes that it did not take.
pub(super) struct Bytes<'a, 'i>(pub(super) &'a mut &'i mut [u8]);
/// This many bytes were read into the message's own buffer.
pub(super) struct Received(pub(super) usize);
/// The peer shut down its sending side.
pub(super) struct End;
/// Check the timers. The socket's report is there where the connection asks for it.
pub(super) struct Timers(pub(super) Option<SocketReport>);
/// The answer to a deferred request.
pub(super) struct Answer<'a> {
    pub(super) seq: u64,
    pub(super) answer: &'a mailbox::Answer,
}
/// The server closes the connection.
pub(super) struct Close(pub(super) Cause);
/// The server refuses the upgrade.
pub(super) struct Refuse(pub(super) Refusal);
/// The server is full: the request is read all the same, since it may be a health check.
pub(super) struct HearOnly(pub(super) Refusal);
/// The socket failed, or the process is about to end.
pub(super) struct Abort(pub(super) Cause);
/// A push, to go out behind `gathered` bytes and the outbox.
pub(super) struct PushFrame<'a> {
    pub(super) push: &'a Push,
    pub(super) gathered: usize,
}
/// The socket took some of the output while more waits.
pub(super) struct Written {
    /// The client had to catch up with its replies.
    pub(super) was_held_back: bool,
}
/// All that was gathered has been written or queued.
pub(super) struct Flushed;
/// The client began with plain HTTP where TLS is spoken.
pub(super) struct NotTls;
/// The client is about to be closed for its silence: how many bytes are on their way to it, and how many it
/// has taken since it was last looked, if that counts.
pub(super) struct InFlight {
    pub(super) bytes: u64,
    pub(super) progress: Option<u64>,
}
/// The next reply has been compressed to this frame.
pub(super) struct Compressed {
    pub(super) frame: bytes::Bytes,
    /// Bytes that may still be compressed in this call.
    pub(super) left: usize,
}

/// What became of the bytes that a connection was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All were taken.
    Taken,
    /// Some may be left; the PROXY header is over. Where it named the client the record now has its
    /// address. Then give the rest again.
    Introduced { named: bool },
    /// Some may be left; the head is whole, and the record has the address of the client that its headers
    /// name. Then give the rest again, even if nothing is left.
    Forwarded,
    /// Some may be left; the request was a health check, and is answered. Then give the rest again.
    Checked,
    /// Some bytes are left: write the gathered output, then give the rest again.
    Flush,
    /// Some are left, and have to wait: for a deferred reply, for the outbox, or for the next turn.
    Wait,
}

impl Conn {
    /// Gives the connection an input. While the connection is watched, the input and its results are noted.
    #[inline(always)]
    pub(super) fn give<L, I: Observed<L>>(&mut self, mut input: I, lent: &mut L) -> I::Output {
        if self.record.is_watched() {
            return self.give_observed(input, lent);
        }
        input.apply(self, lent)
    }

    #[cold]
    #[inline(never)]
    fn give_observed<L, I: Observed<L>>(&mut self, mut input: I, lent: &mut L) -> I::Output {
        input.begin(self, lent);
        let output = input.apply(self, lent);
        input.end(self, &output, lent);
        output
    }

    /// Bytes have come from the socket, or were kept before. [`Progress`] tells when the bytes that are left
    /// in `input` must be given again.
    #[inline]
    pub(crate) fn handle_bytes<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Progress {
        self.give(Bytes(input), env)
    }

    /// `count` bytes were read into the [space](Self::receive_buffer) of a message. Their results come out of
    /// [`handle_bytes`](Self::handle_bytes), also without further bytes.
    pub(crate) fn handle_received<S>(&mut self, count: usize, mut env: &Env<S>) {
        self.give(Received(count), &mut env);
    }

    /// The peer shut down its sending side. It still gets the replies to all that it sent.
    pub(crate) fn handle_end(&mut self, mut now: Moment) {
        self.give(End, &mut now);
    }

    /// Does all that is due. May be called at any time; timers that are not due yet stay armed.
    pub(crate) fn handle_timeout<S: Application>(&mut self, env: &mut Env<S>) {
        let report = env.socket_report.take();
        self.give(Timers(report), env);
    }

    /// The answer to a deferred request has come. It is dropped if no request waits for it any more.
    pub(crate) fn handle_answer<S: Application>(
        &mut self,
        seq: u64,
        answer: mailbox::Answer,
        env: &mut Env<S>,
    ) {
        self.give(Answer { seq, answer: &answer }, env);
    }

    /// The linked object has ended, unless another one is linked by now.
    pub(crate) fn handle_object_end<S>(&mut self, number: u64, cause: Cause, env: &mut Env<S>) {
        if self.rare.linked_number() == Some(number) {
            self.close(cause, env);
        }
    }

    /// Ends an open connection: the Close frame goes out behind all that is queued. Without effect
    /// on one that is closing or closed. One that is still upgrading is refused instead.
    pub(crate) fn close<S>(&mut self, cause: Cause, env: &mut Env<S>) {
        self.give(Close(cause), env);
    }

    /// Refuses the upgrade with an HTTP response.
    pub(crate) fn refuse<S>(&mut self, refusal: Refusal, env: &mut Env<S>) {
        self.give(Refuse(refusal), env);
    }

    /// The server is full, but this client's request is read all the same: it may be a health check.
    pub(crate) fn hear(&mut self, refusal: Refusal, mut now: Moment) {
        self.give(HearOnly(refusal), &mut now);
    }

    /// The socket failed, or the process is about to end: nothing can be sent any more.
    pub(crate) fn abort(&mut self, cause: Cause) {
        self.give(Abort(cause), &mut ());
    }

    /// Counts a push that will be sent behind `gathered` bytes and the bytes in the outbox. False if it must
    /// not be sent: it does not fit, or the connection is not open.
    #[inline]
    pub(crate) fn admits<S>(&mut self, push: &Push, gathered: usize, env: &mut Env<S>) -> bool {
        self.give(PushFrame { push, gathered }, env)
    }

    /// The client took `bytes` of its output, which shows that it still reads. To be called before they leave
    /// the outbox: a client that the outbox held back was not silent by its own choice.
    #[inline]
    pub(crate) fn handle_written(&mut self, bytes: usize, mut now: Moment, settings: &Settings) {
        self.count_written(bytes);
        if self.outbox.is_empty() || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        self.give(Written { was_held_back: self.is_held_back(settings) }, &mut now);
    }

    /// Moves on once there is nothing left to read, or nothing left to write. To be called when all that was
    /// gathered has been written or queued.
    ///
    /// True: everything has gone out, and the client's Close is not waited for (any longer). The socket's
    /// sending side must then be shut down, even if the socket is closed right after: with TLS a shutdown
    /// also sends close_notify.
    pub(crate) fn handle_flushed(&mut self, mut now: Moment) -> bool {
        let is_closing = self.is_closing();
        if !self.ended && !is_closing || is_closing && self.outbox.has_jobs() {
            return false;
        }
        self.give(Flushed, &mut now)
    }

    /// The client began with plain HTTP where TLS is spoken.
    pub(crate) fn handle_not_tls<S: Application>(&mut self, env: &mut Env<S>) {
        self.give(NotTls, env);
    }
}
