//! Sends pushes from outside the connection's own requests, within the outbox limit.

use super::connection::Conn;
use super::env::Env;
use super::input::{Close, Input, PushFrame};
use super::phase::Phase;
use crate::cause::Cause;
use crate::config::Overflow;
use crate::connection_log;
use crate::metrics::{SendError, SentKind};
use crate::push::{Push, payload_len};
use crate::router::Application;

impl<S: Application> Input<Env<S>> for PushFrame<'_> {
    /// Whether the push is to be sent.
    type Output = bool;

    #[inline(always)]
    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) -> bool {
        conn.count_push(self.push.frame().len(), || self.push.cmd(), self.gathered, env)
    }
}

impl Conn {
    /// Counts pushes of `len` bytes in all, if each of them is certainly to be sent behind so many `waiting`
    /// bytes. If this returns false, nothing has happened: each has to be asked for.
    #[inline]
    pub(crate) fn admits_row<S: Application>(
        &mut self,
        pushes: &[Push],
        len: usize,
        waiting: usize,
        env: &mut Env<S>,
    ) -> bool {
        let limit = env.settings.outbox_limit;
        let pending = self.outbox.queued().saturating_add(waiting).saturating_add(len);
        let fits = limit == 0 || pending <= limit;
        if !fits || !self.is_open() || self.record.is_watched() {
            return false;
        }
        self.record.count_packets_out(pushes.len());
        env.tools.totals.packets_sent += pushes.len() as u64;
        if env.tools.meter.is_on() {
            for push in pushes {
                env.tools.meter.sent(SentKind::Push, push.cmd(), push.payload_len());
            }
        }
        true
    }

    /// Counts a push of `len` bytes. False if it must not be sent.
    #[inline]
    pub(super) fn count_push<S: Application>(
        &mut self,
        len: usize,
        cmd: impl FnOnce() -> u16,
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
                env.tools.meter.send_failed(SendError::TooLarge, 1);
                // No outbox could take it, so it is no fault of the client.
                let (log, now) = (&mut env.tools.log, env.tools.now);
                connection_log::oversized(&mut self.record, log, now, cmd(), len, limit);
                return false;
            }
            env.tools.meter.overflowed(1);
            if env.settings.overflow == Overflow::Close {
                Close(Cause::OutboxFull).apply(self, env);
            }
            return false;
        }
        self.record.count_packet_out();
        env.tools.totals.packets_sent += 1;
        if env.tools.meter.is_on() {
            env.tools.meter.sent(SentKind::Push, cmd(), payload_len(len));
        }
        true
    }
}
