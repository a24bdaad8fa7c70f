//! Proxied → Upgrading → Open → Closing → Closed: every transition of a connection's life.

use super::closing::Closing;
use super::connection::Conn;
use super::env::Env;
use super::input::{Abort, Close, End, Flushed, Input, Refuse, Written};
use super::phase::Phase;
use crate::cause::Cause;
use crate::frame::{CloseCode, Skipper, push_close};
use crate::moment::Moment;
use crate::record::Flag;
use crate::router::Application;
use crate::upgrade::Refusal;

impl<S: Application> Input<Env<S>> for Close {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        let Close(cause) = *self;
        match conn.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => Refuse(Refusal::Unavailable).apply(conn, env),
            Phase::Open(_) => {
                if let Some(code) = cause.close_code() {
                    let reason = env.settings.close_reason(cause);
                    push_close(&mut env.tools.write_buffer.bytes, Some(code), reason);
                }
                conn.begin_closing(cause, env.tools.now);
            }
            Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }
}

impl<S: Application> Input<Env<S>> for Refuse {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        let Refuse(refusal) = *self;
        conn.write_refusal(refusal, env);
        conn.begin_closing(Cause::Refused(refusal), env.tools.now);
    }
}

impl Input<()> for Abort {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, (): &mut ()) {
        let cause = match &conn.phase {
            // Later events do not change why a closing connection closed.
            Phase::Closing(closing) => closing.cause,
            Phase::Closed(earlier) => *earlier,
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) => self.0,
        };
        // No Close is looked for any more.
        drop(conn.rare.take_inbox());
        conn.rare.end(false);
        conn.enter(Phase::Closed(cause));
    }
}

impl Input<Moment> for End {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, now: &mut Moment) {
        conn.record.set(Flag::ENDED, true);
        conn.follow_end(*now);
    }
}

impl Input<Moment> for Flushed {
    type Output = bool;

    fn apply(&mut self, conn: &mut Conn, now: &mut Moment) -> bool {
        conn.follow_end(*now);
        let has_ended = conn.has_ended();
        let Phase::Closing(closing) = &mut conn.phase else { return false };
        if !conn.outbox.is_empty() {
            return false;
        }
        let is_end = closing.written(has_ended, *now);
        let cause = closing.cause;
        conn.record.set(Flag::REARM, true);
        if is_end && has_ended {
            conn.enter(Phase::Closed(cause));
        }
        is_end
    }
}

impl Input<Moment> for Written {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, now: &mut Moment) {
        if self.was_held_back {
            conn.read_since(*now);
        }
    }
}

impl Conn {
    /// Answers the client's own Close frame.
    pub(super) fn answer_close<S: Application>(&mut self, code: Option<CloseCode>, env: &mut Env<S>) {
        push_close(&mut env.tools.write_buffer.bytes, code, "");
        self.begin_closing(Cause::PeerClosed(code), env.tools.now);
    }

    pub(super) fn begin_closing(&mut self, cause: Cause, now: Moment) {
        let frames = || match &self.phase {
            Phase::Open(open) => open.decoder.skipper(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => {
                Skipper::default()
            }
        };
        let closing = Closing::new(cause, frames, now);
        self.enter(Phase::Closing(Box::new(closing)));
        self.record.set(Flag::REARM, true);
        self.rare.end(self.outbox.has_jobs());
    }

    /// Acts on the peer's end once everything before it has been handled.
    fn follow_end(&mut self, now: Moment) {
        if !self.has_ended() {
            return;
        }
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => Abort(Cause::PeerGone).apply(self, &mut ()),
            Phase::Open(_) if !self.rare.is_deferred() && !self.rare.has_input() => {
                // No Close frame: the peer sent none, and its end says that it will not.
                self.begin_closing(Cause::PeerGone, now);
            }
            Phase::Closing(closing) if closing.has_ended() => {
                let cause = closing.cause;
                self.enter(Phase::Closed(cause));
            }
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }

    /// Enters a phase, and reports it to an observer.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        if self.record.is_watched() {
            self.observe_phase();
        }
    }
}
