//! Checks a request before the upgrade: health checks, a full server, and headers that name the client.

use super::connection::Conn;
use super::env::Env;
use super::input::{HearOnly, Input, Progress};
use super::phase::Phase;
use super::settings::Draining;
use crate::cause::Cause;
use crate::connection_log;
use crate::moment::Moment;
use crate::record::Peer;
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::router::Application;
use crate::upgrade::{self, Refusal};

impl Input<Moment> for HearOnly {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, _: &mut Moment) {
        match &mut conn.phase {
            Phase::Proxied(proxied) => proxied.refusal = Some(self.0),
            Phase::Upgrading(upgrading) => upgrading.refusal = Some(self.0),
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
    }
}

impl Conn {
    /// Whether its request may still be a health check.
    pub(crate) fn may_ask_for_health(&self) -> bool {
        match &self.phase {
            Phase::Proxied(_) => true,
            Phase::Upgrading(upgrading) => !upgrading.is_named,
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => false,
        }
    }

    /// The refusal for a client whose request is only [heard](Self::hear).
    pub(crate) fn refusal_due(&self) -> Option<Refusal> {
        match &self.phase {
            Phase::Proxied(proxied) => proxied.refusal,
            Phase::Upgrading(upgrading) => upgrading.refusal,
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => None,
        }
    }

    /// Whether the request is a HEAD, judging by the part that has come.
    pub(super) fn is_head_request(&self) -> bool {
        matches!(&self.phase, Phase::Upgrading(upgrading) if upgrade::is_head_request(&upgrading.head))
    }

    /// Keeps the head of a request that is not upgraded at once.
    #[cold]
    pub(super) fn keep_head(&mut self, head: &[u8]) {
        if let Phase::Upgrading(upgrading) = &mut self.phase
            && upgrading.head.is_empty()
        {
            upgrading.head.extend_from_slice(head);
        }
    }

    /// Checks a whole head before the upgrade. Returns news that the reactor must handle first, or the reason
    /// against an upgrade.
    pub(super) fn before_upgrade<S: Application>(
        &mut self,
        head: &[u8],
        is_named: bool,
        env: &mut Env<S>,
    ) -> Result<Option<Progress>, Refusal> {
        if is_named {
            return Ok(None);
        }
        if let Some(fails) = env.head_checks.health(head, env.draining, &env.settings)? {
            self.note(|| Note::Health { fails });
            upgrade::write_health(fails, upgrade::is_head_request(head), &mut env.tools.write_buffer.bytes);
            self.observe_response(env);
            self.begin_closing(Cause::HealthCheck, env.tools.now);
            return Ok(Some(Progress::Checked));
        }
        if let Some(refusal) = self.refusal_due() {
            return Err(refusal);
        }
        if env.draining == Draining::Begun {
            return Ok(None);
        }
        let Some(client) = self.forwarded(head, env)? else { return Ok(None) };
        self.record.set_peer(client);
        if let Phase::Upgrading(upgrading) = &mut self.phase {
            upgrading.is_named = true;
        }
        Ok(Some(Progress::Forwarded))
    }

    /// The client that the headers name, if there is one and they come from a trusted hop.
    fn forwarded<S: Application>(&mut self, head: &[u8], env: &Env<S>) -> Result<Option<Peer>, Refusal> {
        let named = env.head_checks.forwarded(head, self.record.peer(), &env.settings);
        let Some(named) = named else { return Ok(None) };
        self.note(|| Note::Forwarded {
            client: named.ok().flatten().map(|client| client.to_string()),
            refused: named.err().map(|refusal| Reason::of(Cause::Refused(refusal))),
        });
        named
    }

    /// Answers the request with a refusal, and logs the request.
    pub(super) fn write_refusal<S: Application>(&mut self, refusal: Refusal, env: &mut Env<S>) {
        let head =
            if let Phase::Upgrading(upgrading) = &self.phase { upgrading.head.as_slice() } else { &[] };
        let (log, now, drains) = (&mut env.tools.log, env.tools.now, env.draining == Draining::Begun);
        env.tools.meter.upgrade_refused(refusal.status());
        connection_log::refused(&self.record, log, now, refusal, head, drains);
        if self.is_head_request() {
            refusal.write_to_head(&mut env.tools.write_buffer.bytes);
        } else {
            refusal.write(&mut env.tools.write_buffer.bytes);
        }
        self.observe_response(env);
    }
}
