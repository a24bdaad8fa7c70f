//! Proxied → Upgrading → Open → Closing → Closed: every transition of a connection's life.

use super::{Conn, Draining, Env, MAX_CLOSE_EXTENSIONS, Settings};
use crate::cause::Cause;
use crate::connection_log;
use crate::frame::{CloseCode, Decoder, push_close};
use crate::moment::Moment;
use crate::packed::PackedMoment;
use crate::proxy::HeaderReader;
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::upgrade::{HeadScanner, Refusal};

/// Where a connection is in its life. What a state carries lives in its variant.
#[derive(Debug)]
pub(super) enum Phase {
    /// The header in which a trusted proxy says who the client is is being read.
    Proxied(Box<HeaderReader>),
    /// The head of the upgrade request is being read.
    Upgrading(Box<Upgrading>),
    /// Frames are being read.
    Open(Open),
    /// All that the client will ever be sent is gathered or queued. What comes is thrown away, but it is
    /// read: unread bytes would turn the end into a reset, and that overtakes the Close frame.
    Closing(Closing),
    /// Nothing more is to be done; the socket can be closed.
    Closed(Cause),
}

#[derive(Debug, Default)]
pub(super) struct Upgrading {
    pub(super) scanner: HeadScanner,
    /// The part of the head that came before the rest.
    pub(super) head: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) decoder: Decoder,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub(super) cause: Cause,
    /// When the socket is closed whatever the client does. Later whenever the client takes some of
    /// what is queued; fixed once all has gone out.
    pub(super) deadline: PackedMoment,
    /// The deadline beyond which no client can push the other, byte by byte.
    pub(super) last_deadline: PackedMoment,
    /// All has gone out, and the sending side is shut down.
    pub(super) flushed: bool,
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
                    let code = if canary!(KindCode) { CloseCode::NORMAL } else { code };
                    push_close(&mut env.tools.out, Some(code), cause.reason());
                }
                self.begin_closing(cause, env.tools.now, env.settings.close_ms);
            }
            Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }

    /// Answers the client's own Close frame.
    pub(super) fn answer_close<S>(&mut self, code: Option<CloseCode>, env: &mut Env<S>) {
        push_close(&mut env.tools.out, code, "");
        self.begin_closing(Cause::PeerClosed(code), env.tools.now, env.settings.close_ms);
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
        refusal.write(&mut env.tools.out);
        self.note_response(env);
        self.begin_closing(Cause::Refused(refusal), env.tools.now, env.settings.close_ms);
    }

    fn begin_closing(&mut self, cause: Cause, now: Moment, close_ms: u64) {
        self.note(|| Note::Closing { reason: Reason::of(cause) });
        self.extras.end();
        self.rearm = true;
        self.phase = Phase::Closing(Closing {
            cause,
            deadline: now.after(close_ms).into(),
            last_deadline: now.after(close_ms.saturating_mul(MAX_CLOSE_EXTENSIONS)).into(),
            flushed: false,
        });
    }

    /// The socket failed, or the process is about to end: nothing can be sent any more.
    pub(crate) fn abort(&mut self, cause: Cause) {
        self.note_given_at(|| Note::Abort { reason: Reason::of(cause) }, None);
        self.end_at_once(cause);
        self.note_end();
    }

    /// [`abort`](Self::abort), for what the connection itself decides.
    pub(super) fn end_at_once(&mut self, cause: Cause) {
        let cause = match self.phase {
            // What happens to a connection that is closing does not change why it closed.
            Phase::Closing(closing) => closing.cause,
            Phase::Closed(earlier) => earlier,
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) => cause,
        };
        self.extras.end();
        self.phase = Phase::Closed(cause);
    }

    /// The peer shut down its sending side. It still gets the replies to all that it sent.
    pub(crate) fn handle_end(&mut self, now: Moment, close_ms: u64) {
        self.note_given_at(|| Note::End {}, Some(now));
        self.ended = true;
        self.settle_end(now, close_ms);
        self.note_end();
    }

    /// Moves on once there is nothing left to read, or nothing left to write.
    ///
    /// To be called when all that was gathered has been written or queued. True: everything has
    /// gone out for good, and the socket's sending side is to be shut down, even if the socket is closed
    /// at once: there may be more to a shutdown than that.
    pub(crate) fn handle_flushed(&mut self, now: Moment, close_ms: u64) -> bool {
        if !self.ended && !matches!(self.phase, Phase::Closing(_)) {
            return false;
        }
        self.note_given_at(|| Note::Flushed {}, Some(now));
        let all_is_out = self.settle_flushed(now, close_ms);
        self.note_end();
        all_is_out
    }

    fn settle_flushed(&mut self, now: Moment, close_ms: u64) -> bool {
        self.settle_end(now, close_ms);
        match &mut self.phase {
            Phase::Closing(closing) if self.outbox.is_empty() && !closing.flushed => {
                closing.flushed = true;
                closing.deadline = now.after(close_ms).into();
                let cause = closing.cause;
                self.rearm = true;
                if self.ended {
                    self.phase = Phase::Closed(cause);
                }
                true
            }
            _ => false,
        }
    }

    /// The client took some of what it was sent, which shows that it still reads. To be called before
    /// that leaves the outbox: a client that was held back by it was not silent by its own choice.
    #[inline]
    pub(crate) fn handle_written(&mut self, now: Moment, settings: &Settings) {
        if self.outbox.is_empty() && matches!(self.phase, Phase::Open(_)) {
            return;
        }
        self.note_given_at(|| Note::Written {}, Some(now));
        let held_back = self.is_held_back(settings);
        match &mut self.phase {
            Phase::Closing(closing) if !closing.flushed => {
                closing.deadline = now.after(settings.close_ms).min(closing.last_deadline.into()).into();
            }
            Phase::Open(_) if held_back => self.deadlines.read_since(now),
            Phase::Proxied(_)
            | Phase::Upgrading(_)
            | Phase::Open(_)
            | Phase::Closing(_)
            | Phase::Closed(_) => {}
        }
        self.note_end();
    }

    /// What the peer's end means now that all before it has been dealt with.
    fn settle_end(&mut self, now: Moment, close_ms: u64) {
        if !self.ended {
            return;
        }
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => self.end_at_once(Cause::PeerGone),
            Phase::Open(_) if !self.extras.is_deferred() && !self.extras.has_input() => {
                // No Close frame: the peer has not sent one, and said that it will not.
                self.begin_closing(Cause::PeerGone, now, close_ms);
            }
            Phase::Closing(closing) if closing.flushed => self.phase = Phase::Closed(closing.cause),
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }
}
