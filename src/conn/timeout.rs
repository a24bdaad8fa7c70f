//! What a connection does when one of its timers comes.

use super::deadlines::Due;
use super::lifecycle::Phase;
use super::{Conn, Env, Settings};
use crate::cause::Cause;
use crate::config::Liveness;
use crate::frame::{Opcode, push_frame};
use crate::moment::Moment;
use crate::recording::note::Note;
use crate::router::Application;
use crate::upgrade::Refusal;

impl Conn {
    /// When [`handle_timeout`](Self::handle_timeout) has to be called next, as things stand.
    /// Changed by every `handle_*`; only [`take_rearm`](Self::take_rearm) says that it may be earlier.
    pub(crate) fn next_deadline(&self, settings: &Settings) -> Moment {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => {
                self.record.connected_at().max(settings.listening_since).after(settings.handshake_ms)
            }
            Phase::Open(_) => self.deadlines.next(settings, self.is_waiting()),
            Phase::Closing(closing) => {
                Moment::from(closing.deadline).max(settings.listening_since.after(settings.close_ms))
            }
            Phase::Closed(_) => Moment::NEVER,
        }
    }

    /// Does all that is due. To be called at any time; what is not due yet stays armed.
    pub(crate) fn handle_timeout<S: Application>(&mut self, env: &mut Env<S>) {
        self.note_given(|| Note::Timers {}, env);
        self.do_due(env);
        self.note_outcome(env);
    }

    fn do_due<S: Application>(&mut self, env: &mut Env<S>) {
        match self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) if self.next_deadline(&env.settings) <= env.tools.now => {
                self.turn_away(self.refusal_due().unwrap_or(Refusal::TooSlow), env)
            }
            Phase::Closing(closing) if self.next_deadline(&env.settings) <= env.tools.now => {
                self.end_at_once(closing.cause)
            }
            Phase::Open(_) => {
                while let Phase::Open(_) = self.phase
                    && let Some(due) =
                        self.deadlines.take_due(env.tools.now, &env.settings, self.is_waiting())
                {
                    self.handle_due(due, env);
                }
            }
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }

    fn handle_due<S: Application>(&mut self, due: Due, env: &mut Env<S>) {
        self.note(|| Note::Timer { which: due as u8 });
        match due {
            Due::ReadTimeout => self.end_open(Cause::ReadTimedOut, env),
            Due::ClientCheck => self.check_client(env),
            Due::AccountCheck if !self.record.is_logged_in() => self.end_open(Cause::NeverLoggedIn, env),
            Due::AccountCheck => {}
            Due::Housekeeping => {
                self.keep_house();
                env.trim();
            }
            Due::Ping => push_frame(&mut env.tools.out, Opcode::Ping, &[]),
        }
    }

    fn check_client<S: Application>(&mut self, env: &mut Env<S>) {
        let has_sent = self.record.take_news();
        let lives = match env.settings.liveness {
            Liveness::Packets => has_sent,
            Liveness::Frames => {
                env.tools.now.since(self.deadlines.last_seen()) < env.settings.client_check_ms
            }
        };
        // Nothing is read from a client that is held back; the read timer sees whether it catches up.
        if !lives && !self.is_waiting() && !self.is_held_back(&env.settings) {
            self.end_open(Cause::Idle, env);
        }
    }

    /// Gives back the memory that buffers hold but do not use.
    fn keep_house(&mut self) {
        self.record.count_loop();
        if let Phase::Open(open) = &mut self.phase {
            open.decoder.trim();
        }
        self.extras.trim();
        self.outbox.trim();
    }

    /// Whether the client waits for the server, so that its silence means nothing.
    fn is_waiting(&self) -> bool {
        self.extras.is_deferred() && matches!(self.phase, Phase::Open(_))
    }
}
