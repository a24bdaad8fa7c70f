//! Defers requests, and answers them later: with a ticket's answer, or with a refusal at their deadline.

use super::connection::Conn;
use super::deferrals::Deferred;
use super::dispatch::{By, Dispatch};
use super::env::Env;
use super::input::{Answer, Close, Input};
use super::phase::Phase;
use crate::cause::Cause;
use crate::mailbox;
use crate::metrics::Timer;
use crate::packet::ErrorId;
use crate::record::Flag;
use crate::router::{Application, Context, Deferral, HandlerMistake, Outcome};

impl<S: Application> Input<Env<S>> for Answer<'_> {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        let carries_data = conn.refuses_with_data(self.seq, env);
        conn.answer_deferred(self.seq, env, |context| match self.answer {
            mailbox::Answer::Reply(data) => context.reply(data),
            mailbox::Answer::Refuse(error_id) => Outcome::Refuse(*error_id),
            mailbox::Answer::RefuseWith(error_id, data) if carries_data => {
                context.refuse_with_data(*error_id, data);
                Outcome::Done
            }
            mailbox::Answer::RefuseWith(error_id, data) => context.refuse_with(*error_id, data),
            mailbox::Answer::Login(login, data) => context.reply_and_log_in((**login).clone(), data),
            mailbox::Answer::RefuseLogin(refused) => {
                context.refuse_login(&refused.account, refused.role_id, &refused.reason)
            }
        });
    }
}

impl Dispatch<'_> {
    /// Keeps a request that a handler has deferred, until it is answered.
    #[cold]
    pub(super) fn keep_deferral<S: Application>(
        &mut self,
        deferral: Deferral,
        replied: bool,
        env: &mut Env<S>,
    ) {
        let route = env.service.route(deferral.cmd);
        if replied {
            let name = route.as_ref().map_or("", |route| route.name());
            env.tools.mistakes.report(deferral.cmd, name, HandlerMistake::AnsweredTwice);
        }
        let now = env.tools.now;
        let deadline = now.after(route.as_ref().map_or(0, |route| route.deadline_ms()));
        let is_unordered = route.is_some_and(|route| route.is_unordered());
        self.rare.add_deferred(Deferred { deferral, is_unordered, deadline });
        self.record.set(Flag::REARM, true);
    }

    /// Ends the wait for a request that its handler has deferred and then refused, or that it closes.
    #[cold]
    pub(super) fn drop_deferral(&mut self, deferral: &Deferral) {
        if deferral.is_login {
            self.rare.end_login();
        }
    }

    /// Refuses a request with the Data that its handler has left, if its route allows that.
    #[cold]
    pub(super) fn refuse_with_data<S: Application>(
        context: &mut Context<'_, S::Session>,
        service: &crate::router::Service<S>,
        error_id: ErrorId,
    ) -> Outcome {
        let data = std::mem::take(&mut context.buffer.tools.refusal);
        let route = service.route(context.cmd);
        let outcome = if route.as_ref().is_some_and(|route| route.refuses_with_data()) {
            context.refuse_with_data(error_id, &data);
            // The client has the refusal.
            Outcome::Done
        } else {
            let name = route.map_or("", |route| route.name());
            context.buffer.tools.mistakes.report(context.cmd, name, HandlerMistake::RefusalData);
            context.refuse(error_id);
            Outcome::Refuse(error_id)
        };
        context.buffer.tools.refusal = data;
        outcome
    }
}

impl Conn {
    /// The command of a deferred request, if it is still waiting.
    pub(super) fn deferred_cmd(&self, seq: u64) -> Option<u16> {
        let mut deferrals = self.rare.deferred().map(|deferred| &deferred.deferral);
        deferrals.find(|deferral| deferral.seq == seq).map(|deferral| deferral.cmd)
    }

    /// Takes the answer that the ticket of a deferred request has left, if the request is still waiting.
    pub(crate) fn take_answer(&self, seq: u64) -> Option<mailbox::Answer> {
        let mut deferrals = self.rare.deferred().map(|deferred| &deferred.deferral);
        deferrals.find(|deferral| deferral.seq == seq)?.awaited.take_answer()
    }

    /// Whether the route of a deferred request has refusals with Data.
    pub(super) fn refuses_with_data<S: Application>(&self, seq: u64, env: &Env<S>) -> bool {
        let route = self.deferred_cmd(seq).and_then(|cmd| env.service.route(cmd));
        route.is_some_and(|route| route.refuses_with_data())
    }

    /// Answers a deferred request, if it is still waiting.
    pub(super) fn answer_deferred<S: Application>(
        &mut self,
        seq: u64,
        env: &mut Env<S>,
        answer: impl FnOnce(&mut Context<'_, S::Session>) -> Outcome,
    ) {
        let was_held_back = self.rare.holds_back();
        if let Some(deferred) = self.rare.take_deferred(seq) {
            self.end_wait(&deferred, was_held_back, env, answer);
        }
    }

    /// Refuses deferred requests whose deadline has passed.
    pub(super) fn refuse_late<S: Application>(&mut self, env: &mut Env<S>, note: impl Fn(&mut Self)) {
        while self.is_open() {
            let was_held_back = self.rare.holds_back();
            let Some(deferred) = self.rare.take_late(env.tools.now) else { return };
            note(self);
            env.tools.meter.timer_fired(Timer::Answer);
            self.end_wait(&deferred, was_held_back, env, |_| Outcome::Refuse(ErrorId::NOT_AVAILABLE));
        }
    }

    fn end_wait<S: Application>(
        &mut self,
        deferred: &Deferred,
        was_held_back: bool,
        env: &mut Env<S>,
        answer: impl FnOnce(&mut Context<'_, S::Session>) -> Outcome,
    ) {
        if was_held_back {
            // From here on the client's silence may count again.
            self.read_since(env.tools.now);
        }
        self.record.set(Flag::REARM, true);
        let Deferral { cmd, flag, is_login, .. } = deferred.deferral;
        self.call(By::Connection, cmd, flag, env, |_, context| {
            let outcome = answer(context);
            // No client's budget exists that the cost could count against.
            context.effects().take_cost();
            outcome
        });
        if is_login {
            self.check_account(env);
        }
    }

    /// Closes a client whose time for a login has run out while one was under way, which has failed now.
    fn check_account<S: Application>(&mut self, env: &mut Env<S>) {
        let Phase::Open(open) = &self.phase else { return };
        let is_due = open.deadlines.is_account_check_due(env.tools.now, &env.settings);
        if is_due && !self.record.is_logged_in() {
            Close(Cause::NeverLoggedIn).apply(self, env);
        }
    }
}
