//! Handles the bytes up to the 101: the PROXY header, the request head, and the upgrade.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::connection::Conn;
use super::deadlines::Deadlines;
use super::dispatch::By;
use super::env::Env;
use super::input::{Input, NotTls, Progress, Refuse};
use super::phase::{Phase, Upgrading};
use super::settings::Draining;
use crate::cause::Cause;
use crate::config::MAX_HEAD_BYTES;
use crate::connection_log;
use crate::deflate::{self, Agreement, Deflate};
use crate::metrics::Work;
use crate::observer::Event;
use crate::proxy::Header;
use crate::record::{Flag, Peer};
use crate::recording::codes::Reason;
use crate::recording::note::Note;
use crate::router::{Application, Outcome};
use crate::upgrade::{self, Fault, Refusal};

/// Why an upgrade failed.
enum Failure {
    Refused(Refusal),
    Panicked,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl<S: Application> Input<Env<S>> for NotTls {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        if let Phase::Upgrading(_) = conn.phase {
            conn.fail_upgrade(Refusal::from(Fault::NotTls).into(), env);
        }
    }
}

impl Conn {
    /// Reads the PROXY header from the front of `input`; the request follows it. Once the header is complete,
    /// returns whether it named the client.
    pub(super) fn read_proxy_header<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Option<bool> {
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
        let upgrading = Upgrading { refusal: proxied.refusal, ..Upgrading::default() };
        self.enter(Phase::Upgrading(Box::new(upgrading)));
        Some(named)
    }

    /// Reads the head of the request from the front of `input`; frames follow it. Returns a question for the
    /// reactor, if it must be answered before the upgrade goes on.
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
                // This shows the method and, for the log, the path.
                upgrading.head.extend_from_slice(input.get(..MAX_HEAD_BYTES).unwrap_or(input));
                self.fail_upgrade(refusal.into(), env);
                None
            }
        }
    }

    /// The client's TLS handshake is complete, in which it asked for this server, in lower case. Only the
    /// [upgrade hook](Application::upgrade) sees the name, so a recording does not need it.
    pub(crate) fn set_server_name(&mut self, name: Box<str>) {
        if let Phase::Upgrading(upgrading) = &mut self.phase {
            upgrading.server_name = Some(name);
        }
    }

    /// Accepts or refuses the request. Returns the agreement on compression, if there is one.
    fn upgrade<S: Application>(
        &mut self,
        head: &[u8],
        env: &mut Env<S>,
    ) -> Result<Option<Agreement>, Failure> {
        if env.draining == Draining::Begun {
            return Err(Refusal::Unavailable.into());
        }
        let (id, peer, mode) = (self.record.id, self.record.peer(), env.settings.deflate);
        let Env { state, tools, .. } = env;
        let server_name = match &mut self.phase {
            Phase::Upgrading(upgrading) => upgrading.server_name.take(),
            _ => None,
        };
        upgrade::check_scanned(head, &env.settings.policy(), server_name.as_deref(), |request| {
            let began = tools.slow.begin();
            tools.meter.begins(Work::Hook, 0);
            let verdict = catch_unwind(AssertUnwindSafe(|| {
                state.upgrade(request, peer).map(|session| tools.sessions.put(id, session))
            }));
            tools.meter.ends();
            if let Some(took) = tools.slow.slow_since(began) {
                connection_log::slow(&self.record, &mut tools.log, tools.now, "upgrade hook", None, took);
            }
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
                    upgrade::write_response(request, extension.as_deref(), &mut tools.write_buffer.bytes);
                    Ok(agreement)
                }
                Ok(Err(refusal)) => Err(Failure::Refused(refusal)),
                Err(_) => Err(Failure::Panicked),
            }
        })?
    }

    fn open<S: Application>(&mut self, agreement: Option<Agreement>, env: &mut Env<S>) {
        self.enter(Phase::open(Deadlines::new(env.tools.now, &env.settings)));
        if let Some(deflate) =
            agreement.and_then(|agreement| Deflate::new(agreement, env.settings.deflate_level))
        {
            self.rare.set_deflate(deflate);
        }
        self.observe_response(env);
        self.record.set(Flag::OPENED, true);
        env.tools.observed.report(Event::Opened(self.record.id));
        self.record.set(Flag::REARM, true);
        env.tools.meter.ends();
        env.tools.meter.begins(Work::Hook, 0);
        self.call(By::Application, 0, 0, env, |state, context| {
            state.opened(context);
            Outcome::Done
        });
        env.tools.meter.ends();
        // Work that the hook requested is charged to this client, not to its first packet.
        let cost = env.tools.effects.take_cost();
        env.charge(cost);
    }

    fn fail_upgrade<S: Application>(&mut self, failure: Failure, env: &mut Env<S>) {
        match failure {
            Failure::Refused(refusal) => {
                Refuse(self.refusal_due().unwrap_or(refusal)).apply(self, env);
            }
            Failure::Panicked => {
                let (record, tools) = (&mut self.record, &mut env.tools);
                connection_log::panicked(record, &mut tools.log, tools.now, None, "upgrade hook");
                Refuse(Refusal::Application(500)).apply(self, env);
            }
        }
    }
}
