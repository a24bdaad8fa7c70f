//! Proxied → Upgrading → Open → Closing → Closed: every transition of a connection's life.

use super::Inbox;
use super::closing::Closing;
use super::{Conn, Draining, Env, Settings};
use crate::cause::Cause;
use crate::connection_log;
use crate::frame::{CloseCode, Decoder, Found, Skipper, push_close};
use crate::moment::Moment;
use crate::proxy::HeaderReader;
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::upgrade::{HeadScanner, Refusal};

/// Where a connection is in its life. What a state carries lives in its variant.
#[derive(Debug)]
pub(super) enum Phase {
    /// The header in which a trusted proxy says who the client is is being read.
    Proxied(Box<Proxied>),
    /// The head of the upgrade request is being read.
    Upgrading(Box<Upgrading>),
    /// Frames are being read.
    Open(Open),
    /// All that the client will ever be sent is gathered or queued. What comes is thrown away, but it is
    /// read: unread bytes would turn the end into a reset, and that overtakes the Close frame.
    Closing(Box<Closing>),
    /// Nothing more is to be done; the socket can be closed.
    Closed(Cause),
}

#[derive(Debug, Default)]
pub(super) struct Proxied {
    pub(super) reader: HeaderReader,
    /// As in [`Upgrading`].
    pub(super) refusal: Option<Refusal>,
}

#[derive(Debug, Default)]
pub(super) struct Upgrading {
    pub(super) scanner: HeadScanner,
    /// The part of the head that came before the rest, or what there is of one that was refused.
    pub(super) head: Vec<u8>,
    /// There is no place for it: what it is told, unless its request is a health check.
    pub(super) refusal: Option<Refusal>,
    /// The head is whole, and its client was named.
    pub(super) is_named: bool,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) decoder: Decoder,
}

impl Phase {
    pub(super) fn proxied() -> Self {
        Phase::Proxied(Box::default())
    }

    pub(super) fn upgrading() -> Self {
        Phase::Upgrading(Box::default())
    }

    pub(super) fn open() -> Self {
        Phase::Open(Open { decoder: Decoder::new() })
    }
}

impl Conn {
    /// Ends an open connection: the Close frame goes out behind all that is queued. Without effect
    /// on one that is closing or closed. One that is still upgrading is refused instead.
    pub(crate) fn close<S>(&mut self, cause: Cause, env: &mut Env<S>) {
        self.note_given(|| Note::Close { reason: Reason::of(cause) }, env);
        self.end_open(cause, env);
        self.note_outcome(env);
    }

    /// [`close`](Self::close), for what the connection itself decides.
    pub(super) fn end_open<S>(&mut self, cause: Cause, env: &mut Env<S>) {
        match self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => self.turn_away(Refusal::Unavailable, env),
            Phase::Open(_) => {
                if let Some(code) = cause.close_code() {
                    push_close(&mut env.tools.out, Some(code), cause.reason());
                }
                self.begin_closing(cause, env.tools.now);
            }
            Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }

    /// Answers the client's own Close frame.
    pub(super) fn answer_close<S>(&mut self, code: Option<CloseCode>, env: &mut Env<S>) {
        push_close(&mut env.tools.out, code, "");
        self.begin_closing(Cause::PeerClosed(code), env.tools.now);
    }

    /// Refuses the upgrade with an HTTP response.
    pub(crate) fn refuse<S>(&mut self, refusal: Refusal, env: &mut Env<S>) {
        self.note_given(|| Note::Refuse { reason: Reason::of(Cause::Refused(refusal)) }, env);
        self.turn_away(refusal, env);
        self.note_outcome(env);
    }

    /// [`refuse`](Self::refuse), for what the connection itself decides.
    pub(super) fn turn_away<S>(&mut self, refusal: Refusal, env: &mut Env<S>) {
        let head =
            if let Phase::Upgrading(upgrading) = &self.phase { upgrading.head.as_slice() } else { &[] };
        let (log, now, drains) = (&mut env.tools.log, env.tools.now, env.draining == Draining::Begun);
        connection_log::refused(&self.record, log, now, refusal, head, drains);
        if self.is_head_request() {
            refusal.write_to_head(&mut env.tools.out);
        } else {
            refusal.write(&mut env.tools.out);
        }
        self.note_response(env);
        self.begin_closing(Cause::Refused(refusal), env.tools.now);
    }

    pub(super) fn begin_closing(&mut self, cause: Cause, now: Moment) {
        self.note(|| Note::Closing { reason: Reason::of(cause) });
        let frames = || match &self.phase {
            Phase::Open(open) => open.decoder.skipper(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => {
                Skipper::default()
            }
        };
        self.phase = Phase::Closing(Box::new(Closing::new(cause, frames, now)));
        self.rearm = true;
        // What had to wait is not handled any more, but the client's Close may be in it.
        let inbox = self.extras.take_inbox();
        if inbox.is_some() || self.is_replayed() {
            self.skip(inbox.as_ref().map_or(&[], Inbox::rest), now);
        }
        self.extras.end(self.outbox.has_jobs());
    }

    /// Looks for the client's Close among bytes that are thrown away.
    #[cold]
    pub(super) fn skip(&mut self, bytes: &[u8], now: Moment) {
        let recorded = self.recorded_find();
        let Phase::Closing(closing) = &mut self.phase else { return };
        let found = recorded.unwrap_or_else(|| closing.skip(bytes));
        self.rearm |= closing.heard(found, now);
        if found != Found::Nothing {
            self.note(|| Note::PeerClose { valid: found == Found::Close });
        }
    }

    /// The socket failed, or the process is about to end: nothing can be sent any more.
    pub(crate) fn abort(&mut self, cause: Cause) {
        self.note_given_at(|| Note::Abort { reason: Reason::of(cause) }, None);
        self.end_at_once(cause);
        self.note_end();
    }

    /// [`abort`](Self::abort), for what the connection itself decides.
    pub(super) fn end_at_once(&mut self, cause: Cause) {
        let cause = match &self.phase {
            // What happens to a connection that is closing does not change why it closed.
            Phase::Closing(closing) => closing.cause,
            Phase::Closed(earlier) => *earlier,
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) => cause,
        };
        self.extras.end(false);
        self.phase = Phase::Closed(cause);
    }

    /// The peer shut down its sending side. It still gets the replies to all that it sent.
    pub(crate) fn handle_end(&mut self, now: Moment) {
        self.note_given_at(|| Note::End {}, Some(now));
        self.ended = true;
        self.settle_end(now);
        self.note_end();
    }

    /// Moves on once there is nothing left to read, or nothing left to write.
    ///
    /// To be called when all that was gathered has been written or queued. True: everything has
    /// gone out, and the client's Close is not waited for (any longer): the socket's sending side is to be shut down,
    /// even if the socket is closed at once: there may be more to a shutdown than that.
    pub(crate) fn handle_flushed(&mut self, now: Moment) -> bool {
        let is_closing = matches!(self.phase, Phase::Closing(_));
        if !self.ended && !is_closing || is_closing && self.outbox.has_jobs() {
            return false;
        }
        self.note_given_at(|| Note::Flushed {}, Some(now));
        let is_end = self.settle_flushed(now);
        self.note_end();
        is_end
    }

    fn settle_flushed(&mut self, now: Moment) -> bool {
        self.settle_end(now);
        let Phase::Closing(closing) = &mut self.phase else { return false };
        if !self.outbox.is_empty() {
            return false;
        }
        let is_end = closing.written(self.ended, now);
        self.rearm = true;
        if is_end && self.ended {
            self.phase = Phase::Closed(closing.cause);
        }
        is_end
    }

    /// The client took `bytes` of what it was sent, which shows that it still reads. To be called before
    /// that leaves the outbox: a client that was held back by it was not silent by its own choice.
    #[inline]
    pub(crate) fn handle_written(&mut self, bytes: usize, now: Moment, settings: &Settings) {
        self.count_written(bytes);
        if self.outbox.is_empty() || !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        self.note_given_at(|| Note::Written {}, Some(now));
        if self.is_held_back(settings) {
            self.deadlines.read_since(now);
        }
        self.note_end();
    }

    /// What the peer's end means now that all before it has been dealt with.
    fn settle_end(&mut self, now: Moment) {
        if !self.ended {
            return;
        }
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => self.end_at_once(Cause::PeerGone),
            Phase::Open(_) if !self.extras.is_deferred() && !self.extras.has_input() => {
                // No Close frame: the peer has not sent one, and said that it will not.
                self.begin_closing(Cause::PeerGone, now);
            }
            Phase::Closing(closing) if closing.has_ended() => self.phase = Phase::Closed(closing.cause),
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }
}
