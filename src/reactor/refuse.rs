//! Refuses a client: at once, after reading its request, or after its TLS handshake.

use super::active::Active;
use crate::cause::Cause;
use crate::router::Application;
use crate::upgrade::Refusal;

impl<S: Application> Active<'_, S> {
    /// Answers the client with a refusal.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.call(|entry, env| entry.conn.refuse(refusal, env));
    }

    /// Reads the request of a client that will be refused: a health check is answered all the same.
    pub(super) fn hear(&mut self, refusal: Refusal) {
        self.entry.conn.hear(refusal, self.lent.now());
        self.lent.refusals.hear(self.entry.id());
    }

    /// Takes the permit of a client that only gets an answer, so that another one can come in. For metrics it
    /// has ended with this cause.
    #[cold]
    pub(super) fn give_up_permit(&mut self, cause: Cause) {
        let entry = &mut *self.entry;
        let Some(permit) = entry.permit.take() else { return };
        self.lent.admission.leave(permit, entry.conn.record.peer());
        self.lent.env.tools.totals.closed += 1;
        self.lent.env.tools.meter.closed(cause);
        self.lent.refusals.begin(entry.id());
    }

    /// Counts the client under the address that its proxy named, or refuses it. An address that is itself a
    /// trusted proxy, which will name another in its turn, does not count.
    #[cold]
    pub(super) fn count_address(&mut self) {
        let peer = self.entry.conn.record.peer();
        if self.lent.env.settings.trusts_headers_of(peer) {
            return;
        }
        let Some(permit) = &mut self.entry.permit else { return };
        let Err(refusal) = self.lent.admission.count_address(permit, peer) else { return };
        if self.lent.hears_refused() && self.entry.conn.may_ask_for_health() {
            self.give_up_permit(Cause::Refused(refusal));
            self.hear(refusal);
        } else {
            self.refuse(refusal);
        }
    }
}
