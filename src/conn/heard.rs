//! What a request is asked before it can be an upgrade: whether it is a health check, whether there is a place for it,
//! and whose it is.

use std::net::SocketAddr;

use super::lifecycle::Phase;
use super::{Conn, Draining, Env, Progress};
use crate::cause::Cause;
use crate::forwarded;
use crate::moment::Moment;
use crate::record::Peer;
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::recording::script::Script;
use crate::upgrade::{self, Refusal};

impl Conn {
    /// There is no place for this client, but its request is read all the same: it may be a health check.
    pub(crate) fn hear(&mut self, refusal: Refusal, now: Moment) {
        self.note_given_at(|| Note::Hear { reason: Reason::of(Cause::Refused(refusal)) }, Some(now));
        match &mut self.phase {
            Phase::Proxied(proxied) => proxied.refusal = Some(refusal),
            Phase::Upgrading(upgrading) => upgrading.refusal = Some(refusal),
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => {}
        }
        self.note_end();
    }

    /// Whether its request may still be a health check.
    pub(crate) fn may_ask_for_health(&self) -> bool {
        match &self.phase {
            Phase::Proxied(_) => true,
            Phase::Upgrading(upgrading) => !upgrading.is_named,
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => false,
        }
    }

    /// What a client is to be told that is only [heard](Self::hear).
    pub(crate) fn refusal_due(&self) -> Option<Refusal> {
        match &self.phase {
            Phase::Proxied(proxied) => proxied.refusal,
            Phase::Upgrading(upgrading) => upgrading.refusal,
            Phase::Open(_) | Phase::Closing(_) | Phase::Closed(_) => None,
        }
    }

    /// Whether the request is a HEAD, as far as it is known.
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

    /// Looks at a whole head before the upgrade: what the reactor has to know first, or why there is none.
    pub(super) fn before_upgrade<S>(
        &mut self,
        head: &[u8],
        is_named: bool,
        env: &mut Env<S>,
    ) -> Result<Option<Progress>, Refusal> {
        if is_named {
            return Ok(None);
        }
        if let Some(fails) = self.health(head, env)? {
            self.note(|| Note::Health { fails });
            upgrade::write_health(fails, upgrade::is_head_request(head), &mut env.tools.out);
            self.note_response(env);
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

    /// Whether the head is a health check, and then whether it fails. A replay goes by what was recorded.
    fn health<S>(&mut self, head: &[u8], env: &Env<S>) -> Result<Option<bool>, Refusal> {
        if let Some(script) = self.extras.noting().and_then(|recorder| recorder.script()) {
            return Ok(script.health());
        }
        let Some(path) = &env.settings.health_path else { return Ok(None) };
        let asks = upgrade::asks_for_health(head, path)?;
        Ok(asks.then_some(env.draining != Draining::No))
    }

    /// The client that the headers name, if they name one and come from a trusted hop. A replay goes by what was recorded:
    /// these headers are not.
    fn forwarded<S>(&mut self, head: &[u8], env: &Env<S>) -> Result<Option<Peer>, Refusal> {
        let peer = self.record.peer();
        let scripted = self.extras.noting().and_then(|recorder| recorder.script());
        let named = match scripted.map(Script::forwarded) {
            Some(None) => return Ok(None),
            Some(Some((_, Some(reason)))) => Err(reason.refusal().unwrap_or(Refusal::Unavailable)),
            Some(Some((client, None))) => Ok(client.as_deref().map(peer_of)),
            None if !env.settings.trusts_headers_of(peer) => return Ok(None),
            None => upgrade::with_headers(head, |headers| {
                Ok(forwarded::client(headers.iter(), peer, &env.settings.forwarders)?)
            }),
        };
        self.note(|| Note::Forwarded {
            client: named.ok().flatten().map(|client| client.to_string()),
            refused: named.err().map(|refusal| Reason::of(Cause::Refused(refusal))),
        });
        named
    }
}

/// The peer with that name.
fn peer_of(name: &str) -> Peer {
    name.parse::<SocketAddr>().map_or(Peer::Local, Peer::from)
}
