//! Mail from other threads and effects of handlers, handed to the connections that they name.

use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::push::Push;
use crate::router::{Application, Effect};

/// Mails delivered in one turn at most.
const TURN_MAILS: usize = 4096;
/// Bytes of a mail that count as another one.
const MAIL_BYTES: usize = 32 * 1024;

impl<S: Application> Core<S> {
    /// Collects and delivers mail, as much as one turn may.
    pub(super) fn deliver_mail(&mut self) {
        if self.mails.is_empty() && std::mem::take(&mut self.mail_waits) {
            let mut mails = Vec::from(std::mem::take(&mut self.mails));
            self.lent.tools.mailbox.collect(&mut mails);
            self.mails = mails.into();
        }
        let mut done = 0;
        while done < TURN_MAILS && self.turn.allows(Step::Mail, done) && !self.fan_outs.hold_back_mail() {
            let Some(mail) = self.mails.pop_front() else { break };
            done += 1 + mail.bytes() / MAIL_BYTES;
            self.deliver(mail);
            self.turn.charge(STEP_BYTES);
        }
        self.apply_effects(None);
    }

    fn deliver(&mut self, mail: Mail) {
        match mail {
            Mail::Send { to, push } => self.send(to, &push),
            Mail::Broadcast { to, push } => self.fan_out_to(None, to, push),
            Mail::Close { to, cause } => self.call(to, |entry, env| entry.conn.close(cause, env)),
            Mail::SetDebug { to, on } => self.set_debug(to, on),
            Mail::Answer { to, deferral, answer } => {
                // What its limit leaves room for is clear only then.
                self.reach(to);
                self.write_gathered_for(to);
                self.call(to, |entry, env| entry.conn.handle_answer(deferral, answer, env));
            }
            Mail::ObjectEnded { to, number, cause } => {
                self.call(to, |entry, env| entry.conn.handle_object_end(number, cause, env));
            }
            Mail::Survey(look) => {
                self.survey(look);
            }
            Mail::SurveyAll(tour) => self.survey_all(tour),
            Mail::Replace { to } => {
                self.replace(to);
                self.apply_effects(None);
            }
            Mail::Call(call) => self.call_state(call),
            #[cfg(feature = "tls")]
            Mail::SetTls(tls) => self.listeners.set_tls(tls),
            Mail::Drain => self.announce_drain(),
        }
    }

    /// Carries out what handlers and hooks have left to be done, and what follows from that. `by` is the connection
    /// whose requests it comes of.
    pub(super) fn apply_effects(&mut self, by: Option<ConnectionId>) {
        while !self.lent.tools.effects.is_empty() {
            let mut effects = self.lent.tools.effects.take();
            for effect in effects.drain(..) {
                let Some(effect) = self.forward(effect) else { continue };
                match effect {
                    Effect::Send { to, push } => self.send(to, &push),
                    Effect::Broadcast { to, push } => self.fan_out_to(by, to, push),
                    Effect::Close { to, cause } => self.call(to, |entry, env| entry.conn.close(cause, env)),
                    Effect::SetDebug { to, on } => self.set_debug(to, on),
                    Effect::Answer { ticket, answer } => self.deliver(ticket.into_mail(answer)),
                    Effect::Replace(id) => self.replace(id),
                    Effect::Survey(look) => {
                        self.survey(look);
                    }
                    Effect::SurveyAll(tour) => self.survey_all(tour),
                }
            }
            self.lent.tools.effects.put_back(effects);
        }
    }

    /// Sends a push to a connection, with all else that this turn brings for it.
    fn send(&mut self, to: ConnectionId, push: &Push) {
        self.reach(to);
        self.send_now(to, push);
    }

    /// [`send`](Self::send), to a connection that has got all that was sent to it earlier.
    pub(super) fn send_now(&mut self, to: ConnectionId, push: &Push) {
        let (start, gathered) = (self.lent.tools.out.len(), self.gathered(to));
        let sent = self.with(to, start, 0, |entry, env| {
            let admitted = entry.conn.admits(push, gathered, env);
            let has_to_wait = !entry.writable || !entry.conn.outbox.is_empty();
            if admitted && has_to_wait {
                entry.conn.outbox.push_shared(push.frame().clone());
            }
            admitted && !has_to_wait
        });
        match sent {
            Some(true) => self.gather_push(to, push.frame()),
            Some(false) => self.settle(to, start),
            None => {}
        }
    }

    /// Calls a connection outside of its own events, behind all that it was sent before.
    pub(super) fn call(
        &mut self,
        id: ConnectionId,
        call: impl FnOnce(&mut super::slots::Entry, &mut crate::conn::Env<S>),
    ) {
        self.reach(id);
        let start = self.lent.tools.out.len();
        if self.with(id, start, 0, call).is_some() {
            self.settle(id, start);
        }
    }
}
