//! Mail from other threads and effects of handlers, handed to the connections that they name.

use super::core::Core;
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::push::Push;
use crate::router::{Application, Effect};

/// Mails delivered in one turn.
const TURN_MAILS: usize = 4096;

impl<S: Application> Core<S> {
    /// Collects and delivers mail, as much as one turn may.
    pub(super) fn deliver_mail(&mut self) {
        if self.mails.is_empty() && std::mem::take(&mut self.mail_waits) {
            let mut mails = Vec::from(std::mem::take(&mut self.mails));
            self.lent.tools.mailbox.collect(&mut mails);
            self.mails = mails.into();
        }
        for _ in 0..TURN_MAILS {
            let Some(mail) = self.mails.pop_front() else { break };
            self.deliver(mail);
        }
        self.write_queued();
        self.apply_effects();
    }

    fn deliver(&mut self, mail: Mail) {
        match mail {
            Mail::Send { to, push } => self.send(to, &push),
            Mail::Close { to, cause } => self.call(to, |entry, env| entry.conn.close(cause, env)),
            Mail::SetDebug { to, on } => self.set_debug(to, on),
            Mail::Answer { to, deferral, answer } => {
                self.call(to, |entry, env| entry.conn.handle_answer(deferral, answer, env));
            }
            Mail::ObjectEnded { to, number, cause } => {
                self.call(to, |entry, env| entry.conn.handle_object_end(number, cause, env));
            }
            Mail::Survey(look) => self.survey(look),
            #[cfg(feature = "tls")]
            Mail::SetTls(tls) => self.listeners.set_tls(tls),
            Mail::Drain => self.begin_drain(),
        }
    }

    /// Carries out what handlers and hooks have left to be done, and what follows from that.
    pub(super) fn apply_effects(&mut self) {
        while !self.lent.tools.effects.is_empty() {
            let mut effects = self.lent.tools.effects.take();
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send { to, push } => self.send(to, &push),
                    Effect::Broadcast { to, push } => {
                        for to in to {
                            self.send(to, &push);
                        }
                    }
                    Effect::Close { to, cause } => self.call(to, |entry, env| entry.conn.close(cause, env)),
                    Effect::SetDebug { to, on } => self.set_debug(to, on),
                    Effect::LoggedIn { id, role_id } => self.enter_role(id, role_id),
                    Effect::LoggedOut { id, role_id } => self.leave_role(id, role_id),
                    Effect::Survey(look) => self.survey(look),
                }
            }
            self.lent.tools.effects.put_back(effects);
            self.write_queued();
        }
    }

    /// Queues a push for a connection; it is written with all else that this event brings for it.
    fn send(&mut self, to: ConnectionId, push: &Push) {
        self.call(to, |entry, env| entry.conn.handle_send(push, env));
        if let Some(entry) = self.slots.get_mut(to)
            && !entry.queued
            && !entry.conn.outbox.is_empty()
        {
            entry.queued = true;
            self.queued.push(to);
        }
    }

    /// Writes the outboxes that pushes went into.
    fn write_queued(&mut self) {
        let mut queued = std::mem::take(&mut self.queued);
        for id in queued.drain(..) {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.queued = false;
                self.write_outbox(id);
            }
        }
        self.queued = queued;
    }

    /// Calls a connection outside of its own events, behind all that it was sent before.
    pub(super) fn call(
        &mut self,
        id: ConnectionId,
        call: impl FnOnce(&mut super::slots::Entry, &mut crate::conn::Env<S>),
    ) {
        self.write_gathered_for(id);
        let start = self.lent.tools.out.len();
        if self.with(id, start, 0, call).is_some() {
            self.settle(id, start);
        }
    }
}
