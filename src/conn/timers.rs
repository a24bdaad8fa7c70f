//! Acts on a connection's due timers.

use super::closing::SocketReport;
use super::connection::Conn;
use super::deadlines::{Due, Waits};
use super::env::Env;
use super::input::{Close, Input, Refuse, Timers};
use super::phase::{Open, Phase};
use super::settings::Settings;
use crate::cause::Cause;
use crate::config::Liveness;
use crate::frame::{Opcode, push_frame};
use crate::metrics::Timer;
use crate::moment::Moment;
use crate::recording::note::Note;
use crate::router::Application;
use crate::upgrade::Refusal;

impl<S: Application> Input<Env<S>> for Timers {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        conn.do_due(self.0, env);
    }
}

impl Conn {
    /// When [`handle_timeout`](Self::handle_timeout) has to be called next. Every input may change that;
    /// [`take_rearm`](Self::take_rearm) reports only that it may have become earlier.
    pub(crate) fn next_deadline(&self, settings: &Settings) -> Moment {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => {
                let at = self.record.connected_at().after(settings.handshake_ms);
                settings.stalls.moved(at, settings.handshake_ms)
            }
            Phase::Open(open) => open.deadlines.next(settings, self.waits()).min(self.rare.answer_deadline()),
            Phase::Closing(closing) => closing.deadline(settings),
            Phase::Closed(_) => Moment::NEVER,
        }
    }

    fn do_due<S: Application>(&mut self, report: Option<SocketReport>, env: &mut Env<S>) {
        let is_due = self.next_deadline(&env.settings) <= env.tools.now;
        let is_late = is_due && self.end_waits_for_server();
        match &mut self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) if is_due => {
                env.tools.meter.timer_fired(Timer::Handshake);
                Refuse(self.refusal_due().unwrap_or(Refusal::TooSlow)).apply(self, env)
            }
            Phase::Closing(closing) if is_due => {
                let is_over = if is_late {
                    closing.wait_for_server(env.tools.now, &env.settings)
                } else {
                    closing.handle_timeout(report, env.tools.now, &env.settings)
                };
                let cause = closing.cause;
                if is_over {
                    env.tools.meter.timer_fired(Timer::Close);
                    self.enter(Phase::Closed(cause));
                }
            }
            Phase::Open(_) => {
                while let Some(due) = self.take_due(env.tools.now, &env.settings) {
                    self.handle_due(due, env);
                }
                // Only now: until its answer a client need not show that it lives.
                self.refuse_late(env, |conn| conn.note(|| Note::Timer { which: Due::Answer as u8 }));
            }
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }

    /// Whether [`handle_timeout`](Self::handle_timeout) needs the socket's report.
    pub(crate) fn asks_for_report(&self) -> bool {
        matches!(&self.phase, Phase::Closing(closing) if closing.asks())
    }

    /// Takes one due timer of an open connection.
    fn take_due(&mut self, now: Moment, settings: &Settings) -> Option<Due> {
        let waits = self.waits();
        let Phase::Open(open) = &mut self.phase else { return None };
        open.deadlines.take_due(now, settings, waits)
    }

    fn handle_due<S: Application>(&mut self, due: Due, env: &mut Env<S>) {
        self.note(|| Note::Timer { which: due as u8 });
        env.tools.meter.timer_fired(due.timer());
        match due {
            Due::ReadTimeout => Close(Cause::ReadTimedOut).apply(self, env),
            Due::ClientCheck => self.check_client(env),
            Due::AccountCheck if !self.record.is_logged_in() => Close(Cause::NeverLoggedIn).apply(self, env),
            Due::AccountCheck | Due::Answer => {}
            Due::Housekeeping => {
                self.keep_house();
                env.trim();
            }
            Due::Ping => {
                self.record.set_pinged();
                push_frame(&mut env.tools.write_buffer.bytes, Opcode::Ping, &[]);
            }
        }
    }

    fn check_client<S: Application>(&mut self, env: &mut Env<S>) {
        let has_sent = self.record.take_news();
        let lives = match env.settings.liveness {
            Liveness::Packets => has_sent,
            Liveness::Frames => self.was_seen_of_late(env.tools.now, &env.settings),
        };
        if !lives && !self.is_exempt(&env.settings) {
            Close(Cause::Idle).apply(self, env);
        }
    }

    fn was_seen_of_late(&self, now: Moment, settings: &Settings) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.deadlines.was_seen_of_late(now, settings))
    }

    /// Whether the client check does not apply now: the server handles none of its messages, or does not read
    /// from it until it has caught up, which the read timer enforces.
    pub(super) fn is_exempt(&self, settings: &Settings) -> bool {
        self.is_suspended() || self.is_held_back(settings)
    }

    /// Whether a timer ends the connection now because its client failed to do something. The socket is read
    /// first then: input may have come that no event has reported yet.
    pub(crate) fn is_about_to_end(&self, now: Moment, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) => {
                self.next_deadline(settings) <= now
            }
            Phase::Open(Open { deadlines, .. }) => {
                let checks = deadlines.is_check_due(now, settings)
                    && settings.liveness == Liveness::Packets
                    && !self.record.has_news()
                    && !self.is_exempt(settings);
                let never_came = deadlines.is_account_check_due(now, settings)
                    && !self.record.is_logged_in()
                    && !self.rare.is_logging_in();
                checks || never_came || self.silent_since(now, settings).is_some()
            }
            Phase::Closed(_) => false,
        }
    }

    /// The start of the client's silence, if a timer ends the connection now because of it.
    pub(super) fn silent_since(&self, now: Moment, settings: &Settings) -> Option<Moment> {
        let Phase::Open(open) = &self.phase else { return None };
        open.deadlines.silent_since(now, settings, self.is_suspended(), self.is_exempt(settings))
    }

    /// Shrinks the buffers to the size in use.
    fn keep_house(&mut self) {
        self.record.count_loop();
        if let Phase::Open(open) = &mut self.phase {
            open.decoder.trim();
        }
        self.drop_old_sample();
        self.rare.trim();
        self.outbox.trim();
    }

    fn waits(&self) -> Waits {
        Waits { suspended: self.is_suspended(), logging_in: self.rare.is_logging_in() }
    }

    /// Whether the server handles no message of the client now, so that its silence does not count. Beside
    /// unordered requests it does, until there are too many of them.
    fn is_suspended(&self) -> bool {
        (self.rare.holds_back() || self.inflates()) && matches!(self.phase, Phase::Open(_))
    }
}
