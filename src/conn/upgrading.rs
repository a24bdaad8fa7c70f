//! The first part of a connection's life: from the first byte to the 101.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::lifecycle::{Phase, Upgrading};
use super::packets::By;
use super::{Conn, Draining, Env, Progress};
use crate::cause::Cause;
use crate::config::MAX_HEAD_BYTES;
use crate::connection_log;
use crate::deflate::{self, Agreement, Deflate};
use crate::observer::Event;
use crate::proxy::Header;
use crate::record::Peer;
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::router::{Application, Outcome};
use crate::upgrade::{self, Fault, Refusal};

/// Why there is no upgrade.
enum Failure {
    Refused(Refusal),
    Panicked,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl Conn {
    /// Reads the PROXY header from the front of `input`; what follows it is the request. Whether it has
    /// named the client, once it is over.
    pub(super) fn read_proxy_header<S>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> Option<bool> {
        let Phase::Proxied(proxied) = &mut self.phase else { return None };
        let named = match proxied.reader.read(input) {
            Ok(Header::Incomplete) => return None,
            Ok(Header::Unnamed) => false,
            Ok(Header::Client(address)) => {
                self.record.set_peer(Peer::from(address));
                true
            }
            Err(fault) => {
                self.fail_upgrade(Failure::Refused(fault.into()), env);
                return None;
            }
        };
        self.phase =
            Phase::Upgrading(Box::new(Upgrading { refusal: proxied.refusal, ..Upgrading::default() }));
        Some(named)
    }

    /// Reads the head of the request from the front of `input`; what follows it are frames. What the reactor has to
    /// know before it goes on, if anything.
    pub(super) fn read_head<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Option<Progress> {
        let Phase::Upgrading(upgrading) = &mut self.phase else { return None };
        match upgrading.scanner.scan(input) {
            Ok(None) => {
                upgrading.head.extend_from_slice(input);
                *input = &mut [];
                None
            }
            Ok(Some(len)) => {
                let (end, frames) = std::mem::take(input).split_at_mut(len);
                *input = frames;
                let mut head = std::mem::take(&mut upgrading.head);
                let is_named = upgrading.is_named;
                let whole: &[u8] = if head.is_empty() {
                    end
                } else {
                    head.extend_from_slice(end);
                    &head
                };
                let result = match self.before_upgrade(whole, is_named, env) {
                    Ok(None) => self.upgrade(whole, env),
                    Ok(Some(progress)) => {
                        self.keep_head(whole);
                        return Some(progress);
                    }
                    Err(refusal) => Err(refusal.into()),
                };
                match result {
                    Ok(agreement) => self.open(agreement, env),
                    Err(failure) => {
                        self.keep_head(whole);
                        self.fail_upgrade(failure, env);
                    }
                }
                None
            }
            Err(refusal) => {
                // What shows the method, and, for the log, what was asked for.
                upgrading.head.extend_from_slice(input.get(..MAX_HEAD_BYTES).unwrap_or(input));
                self.fail_upgrade(refusal.into(), env);
                None
            }
        }
    }

    /// The client began with plain HTTP where TLS is spoken.
    pub(crate) fn handle_not_tls<S: Application>(&mut self, env: &mut Env<S>) {
        self.note_given(|| Note::NotTls {}, env);
        if let Phase::Upgrading(_) = self.phase {
            self.fail_upgrade(Refusal::from(Fault::NotTls).into(), env);
        }
        self.note_outcome(env);
    }

    /// Accepts the request or not; what was agreed on for compression, if anything was.
    fn upgrade<S: Application>(
        &mut self,
        head: &[u8],
        env: &mut Env<S>,
    ) -> Result<Option<Agreement>, Failure> {
        if env.draining == Draining::Begun {
            return Err(Refusal::Unavailable.into());
        }
        let (peer, mode) = (self.record.peer(), env.settings.deflate);
        let (state, out) = (&mut env.state, &mut env.tools.out);
        upgrade::check_scanned(head, &env.settings.policy(), |request| {
            let verdict = catch_unwind(AssertUnwindSafe(|| state.upgrade(request, peer)));
            self.note(|| {
                let refused = |refusal| Reason::of(Cause::Refused(refusal));
                let panicked = || Reason::of(Cause::HandlerFailed);
                Note::Verdict {
                    refused: verdict.as_ref().map_or(Some(panicked()), |said| said.err().map(refused)),
                }
            });
            match verdict {
                Ok(Ok(())) => {
                    let offers = request.values("Sec-WebSocket-Extensions");
                    let agreement = deflate::negotiate(offers, mode);
                    let extension = agreement.as_ref().map(Agreement::header_value);
                    upgrade::write_response(request, extension.as_deref(), out);
                    Ok(agreement)
                }
                Ok(Err(refusal)) => Err(Failure::Refused(refusal)),
                Err(_) => Err(Failure::Panicked),
            }
        })?
    }

    fn open<S: Application>(&mut self, agreement: Option<Agreement>, env: &mut Env<S>) {
        self.phase = Phase::open();
        if let Some(deflate) = agreement.and_then(Deflate::new) {
            self.extras.set_deflate(deflate);
        }
        self.note_response(env);
        self.opened = true;
        env.tools.observed.report(Event::Opened(self.record.id));
        self.rearm = true;
        self.deadlines.opened(env.tools.now, &env.settings);
        self.call(By::Application, 0, 0, env, |state, context| {
            state.opened(context);
            Outcome::Done
        });
        // As for a request: what the hook has asked for is charged to this client, and not to its first packet.
        let cost = env.tools.effects.take_cost();
        env.charge(cost);
    }

    fn fail_upgrade<S>(&mut self, failure: Failure, env: &mut Env<S>) {
        match failure {
            Failure::Refused(refusal) => self.turn_away(self.refusal_due().unwrap_or(refusal), env),
            Failure::Panicked => {
                let (record, tools) = (&mut self.record, &mut env.tools);
                connection_log::panicked(record, &mut tools.log, tools.now, None, "upgrade hook");
                self.turn_away(Refusal::Application(500), env);
            }
        }
    }
}
