//! Sends answers to deferred requests, and pushes from outside the connection's own requests, within the
//! outbox limit.

use super::connection::Conn;
use super::dispatch::By;
use super::env::Env;
use super::input::{Answer, Close, Input, PushFrame};
use super::phase::Phase;
use crate::cause::Cause;
use crate::config::Overflow;
use crate::connection_log;
use crate::mailbox;
use crate::router::{Application, Context, Outcome};

impl<S: Application> Input<Env<S>> for Answer<'_> {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        conn.answer_deferred(self.seq, env, |context| match self.answer {
            mailbox::Answer::Reply(data) => context.reply(data),
            mailbox::Answer::Refuse(error_id) => Outcome::Refuse(*error_id),
        });
    }
}

impl<S: Application> Input<Env<S>> for PushFrame<'_> {
    /// Whether the push is to be sent.
    type Output = bool;

    #[inline(always)]
    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) -> bool {
        conn.count_push(self.push.frame().len(), self.gathered, env)
    }
}

impl Conn {
    /// Answers a deferred request, if it is still waiting.
    pub(super) fn answer_deferred<S: Application>(
        &mut self,
        seq: u64,
        env: &mut Env<S>,
        answer: impl FnOnce(&mut Context<'_, S::Session>) -> Outcome,
    ) {
        let Some(deferral) = self.rare.take_deferral(seq) else { return };
        // From here on the client's silence counts again, so a suspended deadline is set anew.
        self.deadlines.read_since(env.tools.now);
        self.rearm = true;
        self.call(By::Connection, deferral.cmd, deferral.flag, env, |_, context| {
            let outcome = answer(context);
            // No client's budget exists that the cost could count against.
            context.effects().take_cost();
            outcome
        });
    }

    /// Counts a push of `len` bytes. False if it must not be sent.
    pub(super) fn count_push<S: Application>(
        &mut self,
        len: usize,
        gathered: usize,
        env: &mut Env<S>,
    ) -> bool {
        if !matches!(self.phase, Phase::Open(_)) {
            return false;
        }
        let limit = env.settings.outbox_limit;
        let pending = self.outbox.queued().saturating_add(gathered);
        if limit != 0 && pending.saturating_add(len) > limit {
            self.record.count_send_error();
            env.tools.totals.send_errors += 1;
            if len > limit {
                connection_log::oversized(&mut self.record, &mut env.tools.log, env.tools.now, len, limit);
            }
            if env.settings.overflow == Overflow::Close {
                Close(Cause::OutboxFull).apply(self, env);
            }
            return false;
        }
        self.record.send_count += 1;
        env.tools.totals.packets_sent += 1;
        true
    }
}
