//! Every input of a connection, and the one way in: [`Conn::give`].
//!
//! An input is a value. Its effect is its [`Input`], in the file where that belongs; its form in a recording
//! is its [`Observed`], in `observed_inputs.rs`. The public methods here only name the inputs for the
//! reactor.

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
use crate::record::Login;
use crate::router::Application;
use crate::upgrade::Refusal;

/// An input of a connection, together with what the call may borrow: an [`Env`] if the connection can send
/// something, otherwise only the time.
pub(super) trait Input<Lent> {
    type Output;

    fn apply(&mut self, conn: &mut Conn, lent: &mut Lent) -> Self::Output;
}

/// Bytes from the socket, or bytes that were kept. Bytes that the connection does not take remain.
pub(super) struct Bytes<'a, 'i>(pub(super) &'a mut &'i mut [u8]);
/// This many bytes were read into the message's own buffer.
pub(super) struct Received(pub(super) usize);
/// The peer shut down its sending side.
pub(super) struct End;
/// A request to check the timers. The socket's report is present if the connection asks for it.
pub(super) struct Timers(pub(super) Option<SocketReport>);
/// The answer to a deferred request.
pub(super) struct Answer<'a> {
    pub(super) seq: u64,
    pub(super) answer: &'a mailbox::Answer,
}
/// The application logs the connection in, from outside its requests.
pub(super) struct LogIn<'a>(pub(super) &'a Login);
/// The application logs the connection out, from outside its requests.
pub(super) struct LogOut;
/// The server closes the connection.
pub(super) struct Close(pub(super) Cause);
/// The server refuses the upgrade.
pub(super) struct Refuse(pub(super) Refusal);
/// The server is full, but the request is read anyway, since it may be a health check.
pub(super) struct HearOnly(pub(super) Refusal);
/// The socket failed, or the process is about to end.
pub(super) struct Abort(pub(super) Cause);
/// A push, to be sent after `gathered` bytes and the outbox.
pub(super) struct PushFrame<'a> {
    pub(super) push: &'a Push,
    pub(super) gathered: usize,
}
/// The socket took some of the output while more waits.
pub(super) struct Written {
    /// Whether the client had to catch up with its replies.
    pub(super) was_held_back: bool,
}
/// All gathered output has been written or queued.
pub(super) struct Flushed;
/// The client began with plain HTTP where TLS is required.
pub(super) struct NotTls;
/// The client is about to be closed for its silence. Holds the bytes on their way to it, and the bytes that
/// it has taken since the last sample, if that sample counts.
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

/// The result of giving bytes to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All were taken.
    Taken,
    /// Some may be left; the PROXY header is over. If it named the client, the record now has that address.
    /// Give the rest again.
    Introduced { named: bool },
    /// Some may be left; the head is complete, and the record has the address of the client that its headers
    /// name. Give the rest again, even if nothing is left.
    Forwarded,
    /// Some may be left; the request was a health check, and is answered. Give the rest again.
    Checked,
    /// Some are left: write the gathered output, then give them again.
    Flush,
    /// Some are left, and have to wait for a deferred reply, the outbox, or the next turn.
    Wait,
}

impl Conn {
    /// Gives the connection an input. If the connection is watched, the input and its results are recorded.
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

    /// Handles bytes from the socket, or bytes that were kept. Any that remain in `input` have to be given
    /// again when [`Progress`] says so.
    #[inline(always)]
    pub(crate) fn handle_bytes<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Progress {
        self.give(Bytes(input), env)
    }

    /// Handles `count` bytes that were read into the [space](Self::receive_buffer) of a message. Their
    /// effects come out of the next [`handle_bytes`](Self::handle_bytes), which needs no bytes for that.
    pub(crate) fn handle_received<S: Application>(&mut self, count: usize, mut env: &Env<S>) {
        self.give(Received(count), &mut env);
    }

    /// Handles the end of the peer's sending side. The peer still gets the replies to everything that it
    /// sent.
    pub(crate) fn handle_end(&mut self, mut now: Moment) {
        self.give(End, &mut now);
    }

    /// Acts on all timers that are due. May be called at any time; other timers stay armed.
    pub(crate) fn handle_timeout<S: Application>(&mut self, env: &mut Env<S>) {
        let report = env.socket_report.take();
        self.give(Timers(report), env);
    }

    /// Handles the answer to a deferred request. It is dropped if the request no longer waits.
    pub(crate) fn handle_answer<S: Application>(
        &mut self,
        seq: u64,
        answer: mailbox::Answer,
        env: &mut Env<S>,
    ) {
        self.give(Answer { seq, answer: &answer }, env);
    }

    /// Logs the connection in, from outside its requests. Without effect on one that is not open.
    pub(crate) fn log_in<S: Application>(&mut self, login: &Login, env: &mut Env<S>) {
        self.give(LogIn(login), env);
    }

    /// Logs the connection out, from outside its requests. Without effect on one that is not open.
    pub(crate) fn log_out<S: Application>(&mut self, env: &mut Env<S>) {
        self.give(LogOut, env);
    }

    /// The linked object has ended, unless another one is linked by now.
    pub(crate) fn handle_object_end<S: Application>(&mut self, number: u64, cause: Cause, env: &mut Env<S>) {
        if self.rare.linked_number() == Some(number) {
            self.close(cause, env);
        }
    }

    /// Ends an open connection: the Close frame goes out behind all that is queued. Without effect
    /// on one that is closing or closed. One that is still upgrading is refused instead.
    pub(crate) fn close<S: Application>(&mut self, cause: Cause, env: &mut Env<S>) {
        self.give(Close(cause), env);
    }

    /// Refuses the upgrade with an HTTP response.
    pub(crate) fn refuse<S: Application>(&mut self, refusal: Refusal, env: &mut Env<S>) {
        self.give(Refuse(refusal), env);
    }

    /// The server is full, but this client's request is read all the same: it may be a health check.
    pub(crate) fn hear(&mut self, refusal: Refusal, mut now: Moment) {
        self.give(HearOnly(refusal), &mut now);
    }

    /// Ends the connection because the socket failed, or the process is about to end: nothing can be sent any
    /// more.
    pub(crate) fn abort(&mut self, cause: Cause) {
        self.give(Abort(cause), &mut ());
    }

    /// Counts a push that follows `gathered` bytes and the outbox. False if it must not be sent: it does not
    /// fit, or the connection is not open.
    #[inline]
    pub(crate) fn admits<S: Application>(&mut self, push: &Push, gathered: usize, env: &mut Env<S>) -> bool {
        self.give(PushFrame { push, gathered }, env)
    }

    /// Records that the client took `bytes` of its output, which shows that it still reads. Call it before
    /// they leave the outbox: a client that the outbox held back was not silent by choice.
    #[inline(always)]
    pub(crate) fn handle_written(&mut self, bytes: usize, mut now: Moment, settings: &Settings) {
        self.count_written(bytes);
        if self.outbox.is_empty() || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        self.give(Written { was_held_back: self.is_held_back(settings) }, &mut now);
    }

    /// Moves on once nothing is left to read, or nothing is left to write. Call it when all gathered output
    /// has been written or queued.
    ///
    /// Returns true once everything has been sent and the client's Close is not awaited (any longer). Then
    /// shut down the socket's sending side, even if the socket is closed at once: a shutdown may do more than
    /// a close.
    pub(crate) fn handle_flushed(&mut self, mut now: Moment) -> bool {
        let is_closing = self.is_closing();
        if !self.has_ended() && !is_closing || is_closing && self.outbox.has_jobs() {
            return false;
        }
        self.give(Flushed, &mut now)
    }

    /// Handles a client that began with plain HTTP where TLS is required.
    pub(crate) fn handle_not_tls<S: Application>(&mut self, env: &mut Env<S>) {
        self.give(NotTls, env);
    }
}
