//! Handles one message: parses its packet, checks the sender's rights, and picks the handler.

use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::dispatch::{By, Dispatch};
use super::env::Env;
use crate::cause::Cause;
use crate::connection_log;
use crate::frame::MessageKind;
use crate::metrics::Work;
use crate::packet::{self, DataStatus, ErrorId, Fault, Undecodable};
use crate::record::Record;
use crate::router::{
    Access, Application, Context, HandlerMistake, Message, MessageHandler, Outcome, Predicate, Request,
    Route, Service, Tools,
};

/// Logs a route that has left a request without the reply that it owes.
#[cold]
pub(super) fn check_reply<S: Application>(
    route: &Route<S>,
    outcome: Outcome,
    context: &mut Context<'_, S::Session>,
) {
    if outcome == Outcome::Done && !context.replied && context.buffer.tools.after_call.deferral.is_none() {
        context.buffer.tools.mistakes.report(route.cmd(), route.name(), HandlerMistake::Unanswered);
    }
}

/// Asks a predicate. An error is its panic.
#[inline(always)]
pub(super) fn call_predicate<Session>(
    predicate: Predicate<Session>,
    record: &Record,
    tools: &Tools<Session>,
) -> std::thread::Result<bool> {
    catch_unwind(AssertUnwindSafe(|| {
        tools.sessions.get(record.id).is_some_and(|session| predicate(record, session))
    }))
}

/// Measures a handler that has returned. The clock is not read again if that is known.
#[inline(always)]
fn end_handler<Session>(cmd: u16, tools: &Tools<Session>) {
    if tools.meter.is_on() {
        tools.meter.handler_ended(cmd, tools.slow.take_ended());
    }
}

impl Dispatch<'_> {
    /// Handles a message, whose Data may inflate to at most `max_len` bytes. An error closes the connection.
    #[inline(always)]
    pub(super) fn received<S: Application>(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        match env.service {
            Service::Packets(router) => self.packet(|cmd| router.find(cmd), payload, max_len, env),
            Service::Any(_) => self.packet_of_any(payload, max_len, env),
            Service::Messages(handler) => self.message(handler, kind, payload, env),
        }
    }

    /// Handles a binary message that should be a packet, for a service without a table.
    #[inline(never)]
    fn packet_of_any<S: Application>(
        &mut self,
        message: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let service = env.service;
        self.packet(|cmd| service.route(cmd), message, max_len, env)
    }

    /// Handles a binary message that should be a packet. `find` looks up the route of a command. An error
    /// closes the connection.
    #[inline(always)]
    fn packet<S: Application, R: Borrow<Route<S>>>(
        &mut self,
        find: impl Fn(u16) -> Option<R>,
        message: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        self.record.count_packet_in();
        env.tools.totals.count_packet_in();
        if self.record.is_watched() {
            self.observe_packet(message, env);
        }
        let packet = match packet::Request::parse(message) {
            Ok(packet) => packet,
            Err(Fault::Short) => return Err(self.short_packet(message, env)),
            Err(Fault::DataSize { cmd, flag }) => {
                env.tools.meter.received(Some(cmd), message.len());
                return self.bad_request(cmd, flag, ErrorId::BAD_PACKET, env);
            }
        };
        env.tools.meter.received(Some(packet.cmd), message.len());
        self.record.set_last_cmd(packet.cmd);
        if !self.record.packet_rate.take(env.settings.max_packets_per_second) {
            return self.excess_packet(&packet, env);
        }
        let Some(route) = find(packet.cmd) else {
            return self.bad_request(packet.cmd, packet.flag, ErrorId::UNKNOWN_COMMAND, env);
        };
        let route = route.borrow();
        if !matches!(route.access(), Access::Anyone) {
            let kind = self.record.is_logged_in().then(|| self.record.kind());
            let checked = route.access().check(kind, |predicate| self.ask(predicate, packet.cmd, env))?;
            if let Err(error_id) = checked {
                return self.bad_request(packet.cmd, packet.flag, error_id, env);
            }
        }
        if packet.data_status == DataStatus::Raw as u8 || packet.data.is_empty() {
            return self.handle(route, &packet, packet.data, packet.data, env);
        }
        if cfg!(feature = "zlib") && packet.data_status == DataStatus::Compressed as u8 {
            return self.packet_compressed(message, max_len, env);
        }
        let mut buffer = std::mem::take(&mut env.decoded);
        let result = match self.decode(&packet, max_len, &mut buffer, env) {
            Ok(data) => {
                env.count_inflated(0, data.len());
                self.handle(route, &packet, data, &[], env)
            }
            Err(cause) => Err(cause),
        };
        env.decoded = buffer;
        result
    }

    /// Asks a route's predicate whether the client may call the route. An error closes the connection.
    #[inline(never)]
    fn ask<S: Application>(
        &mut self,
        predicate: Predicate<S::Session>,
        cmd: u16,
        env: &mut Env<S>,
    ) -> Result<bool, Cause> {
        if self.record.has_watched_handlers() {
            return self.ask_watched(predicate, cmd, env);
        }
        env.tools.meter.begins(Work::Predicate, cmd);
        let asked = call_predicate(predicate, self.record, &env.tools);
        env.tools.meter.ends();
        asked.map_err(|_| self.panicked(cmd, "access predicate", env))
    }

    /// Calls a packet's handler with its decoded `data`. Replies may borrow `lent`.
    #[inline(always)]
    fn handle<S: Application>(
        &mut self,
        route: &Route<S>,
        packet: &packet::Request<'_>,
        data: &[u8],
        lent: &[u8],
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let request = Request {
            cmd: packet.cmd,
            flag: packet.flag,
            data_status: packet.data_status,
            seq: self.record.recv_count(),
            data,
        };
        let handler = route.handler();
        env.tools.meter.handler_begins(packet.cmd);
        let result = self.run(By::Application, packet.cmd, packet.flag, lent, env, |state, context| {
            let outcome = handler(state, request, context);
            if route.owes_reply() {
                check_reply(route, outcome, context);
            }
            outcome
        });
        end_handler(packet.cmd, &env.tools);
        result
    }

    /// Handles a packet whose Data was inflated to `data`, or could not be inflated.
    pub(super) fn inflated_data<S: Application>(
        &mut self,
        message: &[u8],
        data: &[u8],
        result: Result<(), Undecodable>,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        // Both were checked when the packet came.
        let Ok(packet) = packet::Request::parse(message) else { return Ok(()) };
        self.observe_decoded(packet.cmd, packet.data_status, Some(result.map(|()| data.len())), env);
        if let Err(offence) = result {
            return Err(self.offence(packet.cmd, offence, env));
        }
        let Some(route) = env.service.route(packet.cmd) else { return Ok(()) };
        self.handle(&route, &packet, data, &[], env)
    }

    /// Decodes Data for the handler. An error closes the connection.
    #[inline(never)]
    fn decode<'a, S: Application>(
        &mut self,
        packet: &packet::Request<'a>,
        max_len: usize,
        buffer: &'a mut Vec<u8>,
        env: &mut Env<S>,
    ) -> Result<&'a [u8], Cause> {
        let is_timed =
            self.record.has_watched_handlers() && packet.data_status == DataStatus::Encrypted as u8;
        if is_timed {
            env.tools.slow.begin_handler(None);
        }
        env.tools.meter.begins(Work::Cipher, packet.cmd);
        let (id, codecs) = (self.record.id, &mut env.tools.codecs);
        // The embedder supplies the cipher, which may panic like a handler.
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            codecs.decode(id, packet.data_status, packet.data, buffer, max_len).map(|_| ())
        }))
        .ok();
        env.tools.meter.ends();
        if is_timed {
            self.end_timed("cipher", packet.cmd, env);
        }
        let len = buffer.len();
        self.observe_decoded(packet.cmd, packet.data_status, decoded.map(|result| result.map(|()| len)), env);
        match decoded {
            Some(Ok(())) => Ok(buffer),
            Some(Err(offence)) => Err(self.offence(packet.cmd, offence, env)),
            None => {
                connection_log::panicked(
                    self.record,
                    &mut env.tools.log,
                    env.tools.now,
                    Some(packet.cmd),
                    "cipher",
                );
                Err(Cause::HandlerFailed)
            }
        }
    }

    /// Handles a message of a service without packets.
    pub(super) fn message<S: Application>(
        &mut self,
        handler: MessageHandler<S>,
        kind: MessageKind,
        payload: &[u8],
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        self.record.count_packet_in();
        env.tools.totals.count_packet_in();
        if self.record.is_watched() {
            self.observe_message(kind, payload, env);
        }
        env.tools.meter.received(None, payload.len());
        env.tools.meter.handler_begins(0);
        let result = self.run(By::Application, 0, 0, payload, env, |state, context| {
            handler(state, Message { kind, payload }, context)
        });
        end_handler(0, &env.tools);
        result
    }

    /// Refuses a packet above the client's rate per second. The first one is logged.
    #[cold]
    fn excess_packet<S: Application>(
        &mut self,
        packet: &packet::Request<'_>,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        if self.record.take_first_excess() {
            let limit = env.settings.max_packets_per_second;
            let error_id = ErrorId::TOO_MANY_REQUESTS;
            let reason = format_args!(
                "more than {limit} packets in a second are refused with ErrorID {error_id} \
                 (max-packets-per-second)"
            );
            self.log_bad_input(Some(packet.cmd), env, reason);
        }
        self.answer(packet.cmd, packet.flag, Outcome::Refuse(ErrorId::TOO_MANY_REQUESTS), env)
    }

    /// Logs a message that is too short for a packet, which closes the connection.
    #[cold]
    fn short_packet<S: Application>(&mut self, message: &[u8], env: &mut Env<S>) -> Cause {
        env.tools.meter.received(None, message.len());
        self.log_bad_input(None, env, format_args!("a message of {} bytes is no packet", message.len()));
        Cause::ShortPacket
    }

    /// Refuses a request that no correct client sends. One more than the limit closes the connection.
    #[cold]
    fn bad_request<S: Application>(
        &mut self,
        cmd: u16,
        flag: u32,
        error_id: ErrorId,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let is_one_too_many = self.record.count_bad_request();
        env.tools.totals.bad_requests += 1;
        env.tools.meter.bad_request(error_id);
        let what = match error_id {
            ErrorId::BAD_PACKET => "DataSize does not match",
            ErrorId::UNKNOWN_COMMAND => "unknown command",
            ErrorId::NOT_LOGGED_IN => "not logged in",
            _ => "not allowed",
        };
        self.log_bad_input(Some(cmd), env, format_args!("bad request, ErrorID {error_id}: {what}"));
        if is_one_too_many {
            return Err(Cause::BadRequests);
        }
        self.answer(cmd, flag, Outcome::Refuse(error_id), env)
    }

    /// Answers a request in the same way as a handler that returns `outcome`.
    #[inline(never)]
    fn answer<S: Application>(
        &mut self,
        cmd: u16,
        flag: u32,
        outcome: Outcome,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        // Most such requests have been logged.
        env.tools.meter.lose_mark();
        self.run(By::Connection, cmd, flag, &[], env, |_, _| outcome)
    }
}
