//! One message at a time: the packet in it, who may send it, and what its handler says.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::deadlines::Deadlines;
use super::extras::Extras;
use super::{Env, Outbox};
use crate::cause::Cause;
use crate::config::Overflow;
use crate::connection_log;
use crate::frame;
use crate::packet::{self, DataStatus, ErrorId, Fault, Undecodable};
use crate::record::Record;
use crate::router::{
    Application, COMPRESSES, Context, Message, MessageHandler, Outcome, Request, Route, Router, SendBuffer,
    Service,
};

/// Bytes of a packet that the debug log shows.
const DEBUG_BYTES: usize = 64;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A handler or hook of the application.
    Application,
    /// The connection, in the place of a handler.
    Connection,
}

/// The parts of a connection that a call into the application works on.
pub(super) struct Call<'a> {
    pub(super) record: &'a mut Record,
    pub(super) deadlines: &'a mut Deadlines,
    pub(super) extras: &'a mut Extras,
    pub(super) rearm: &'a mut bool,
    pub(super) outbox: &'a mut Outbox,
}

impl Call<'_> {
    /// Handles a binary message that should be a packet. An error closes the connection.
    #[inline(always)]
    pub(super) fn packet<S: Application>(
        &mut self,
        router: &'static Router<S>,
        message: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        self.record.recv_count += 1;
        env.tools.totals.packets_received += 1;
        if self.record.is_watched() {
            self.note_packet(router, message, env);
        }
        let packet = match packet::Request::parse(message) {
            Ok(packet) => packet,
            Err(Fault::Short) => return Err(self.short_packet(message, env)),
            Err(Fault::DataSize { cmd, flag }) => {
                return self.bad_request(cmd, flag, ErrorId::BAD_PACKET, env);
            }
        };
        self.record.set_last_cmd(packet.cmd);
        if !self.deadlines.may_take_packet(env.settings.max_packets_per_second) {
            return self.excess_packet(&packet, env);
        }
        let Some(route) = router.find(packet.cmd) else {
            return self.bad_request(packet.cmd, packet.flag, ErrorId::UNKNOWN_COMMAND, env);
        };
        if let Err(error_id) = route.access().check(self.record) {
            return self.bad_request(packet.cmd, packet.flag, error_id, env);
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

    /// Has a packet's handler called with its decoded `data`, of which replies may borrow what is `lent`.
    #[inline(always)]
    fn handle<S: Application>(
        &mut self,
        route: &'static Route<S>,
        packet: &packet::Request<'_>,
        data: &[u8],
        lent: &[u8],
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let request = Request {
            cmd: packet.cmd,
            flag: packet.flag,
            data_status: packet.data_status,
            seq: self.record.recv_count,
            data,
        };
        let handler = route.handler();
        self.run(By::Application, packet.cmd, packet.flag, lent, env, |state, context| {
            handler(state, request, context)
        })
    }

    /// Handles a packet whose Data was inflated to `data`, or does not inflate.
    pub(super) fn inflated_data<S: Application>(
        &mut self,
        message: &[u8],
        data: &[u8],
        result: Result<(), Undecodable>,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        // It was a packet, and there was a route for it, when it came.
        let Ok(packet) = packet::Request::parse(message) else { return Ok(()) };
        self.note_decoded(packet.cmd, packet.data_status, Some(result.map(|()| data.len())), env);
        if let Err(offence) = result {
            return Err(self.offence(packet.cmd, offence, env));
        }
        let Service::Packets(router) = env.service else { return Ok(()) };
        let Some(route) = router.find(packet.cmd) else { return Ok(()) };
        self.handle(route, &packet, data, &[], env)
    }

    /// Data as the handler is to get it. An error closes the connection.
    #[inline(never)]
    fn decode<'a, S: Application>(
        &mut self,
        packet: &packet::Request<'a>,
        max_len: usize,
        buffer: &'a mut Vec<u8>,
        env: &mut Env<S>,
    ) -> Result<&'a [u8], Cause> {
        let (id, codecs) = (self.record.id, &mut env.tools.codecs);
        let decoded = match self.recorded_decoding(buffer) {
            Some(decoded) => decoded,
            // The cipher is the embedder's, and may panic like a handler.
            None => catch_unwind(AssertUnwindSafe(|| {
                codecs.decode(id, packet.data_status, packet.data, buffer, max_len).map(|_| ())
            }))
            .ok(),
        };
        let len = buffer.len();
        self.note_decoded(packet.cmd, packet.data_status, decoded.map(|result| result.map(|()| len)), env);
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
        kind: frame::MessageKind,
        payload: &[u8],
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        self.record.recv_count += 1;
        env.tools.totals.packets_received += 1;
        if self.record.is_watched() {
            self.note_message(kind, payload, env);
        }
        self.run(By::Application, 0, 0, payload, env, |state, context| {
            handler(state, Message { kind, payload }, context)
        })
    }

    /// Answers a request as if its handler had said so.
    #[inline(never)]
    fn answer<S: Application>(
        &mut self,
        cmd: u16,
        flag: u32,
        outcome: Outcome,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        self.run(By::Connection, cmd, flag, &[], env, |_, _| outcome)
    }

    /// Runs a handler, the application's or one that answers in its place, catches its panic, and carries out
    /// what it says. `lent` is the end of the message in hand, which replies may borrow; empty if there is
    /// none.
    #[inline(always)]
    pub(super) fn run<S: Application>(
        &mut self,
        by: By,
        cmd: u16,
        flag: u32,
        lent: &[u8],
        env: &mut Env<S>,
        call: impl FnOnce(&mut S, &mut Context<'_>) -> Outcome,
    ) -> Result<(), Cause> {
        let is_watched = self.record.is_watched();
        let made = if is_watched { self.note_run(by, env) } else { None };
        let was_in = self.record.is_logged_in();
        let sent_from = env.tools.out.len();
        let queued = self.outbox.queued();
        let (ties, deflate) = self.extras.lend();
        let mut buffer = SendBuffer::new(&mut env.tools, deflate, queued);
        if !is_watched {
            // Who looks at it looks into the write buffer.
            buffer.lend(lent);
        } else {
            buffer.set_made(made);
        }
        let mut context =
            Context { record: &mut *self.record, ties, buffer, cmd, flag, deferral: None, overflowed: false };
        let state = &mut env.state;
        let outcome = catch_unwind(AssertUnwindSafe(|| call(state, &mut context)));
        if let Ok(Outcome::Refuse(error_id)) = outcome {
            context.refuse(error_id);
        }
        let (deferral, overflowed) = (context.deferral, context.overflowed);
        if is_watched {
            let said = outcome.as_ref().ok().copied();
            self.note_ran(by == By::Application, said, deferral.is_some(), sent_from, env);
        }
        if COMPRESSES && !env.tools.jobs.is_empty() {
            self.queue_jobs(env);
        }
        let is_in = self.record.is_logged_in();
        if was_in != is_in {
            self.deadlines.logged(is_in, env.tools.now, &env.settings);
            *self.rearm = true;
        }
        let result = match outcome {
            Ok(Outcome::Done) => {
                self.extras.set_deferral(deferral);
                Ok(())
            }
            Ok(Outcome::Refuse(_)) => Ok(()),
            Ok(Outcome::Undecodable) => Err(self.offence(cmd, Undecodable::Message, env)),
            Ok(Outcome::Close(code)) => Err(Cause::Application(code)),
            Err(_) => Err(self.panicked(cmd, env)),
        };
        if overflowed {
            self.log_oversized(env);
        }
        if overflowed && env.settings.overflow == Overflow::Close { Err(Cause::OutboxFull) } else { result }
    }

    #[cold]
    fn panicked<S>(&mut self, cmd: u16, env: &mut Env<S>) -> Cause {
        connection_log::panicked(self.record, &mut env.tools.log, env.tools.now, Some(cmd), "handler");
        Cause::HandlerFailed
    }

    /// Has the log told if a packet did not fit that no outbox would take.
    #[cold]
    fn log_oversized<S>(&mut self, env: &mut Env<S>) {
        let bytes = std::mem::take(&mut env.tools.oversized);
        if bytes > 0 {
            let limit = env.settings.outbox_limit;
            connection_log::oversized(self.record, &mut env.tools.log, env.tools.now, bytes, limit);
        }
    }

    /// Refuses a packet beyond those that the client may send in a second. The log is told of the first one.
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
                "more than {limit} packets in a second are refused with ErrorID {error_id} (max-packets-per-second)"
            );
            self.log_bad_input(Some(packet.cmd), env, reason);
        }
        self.answer(packet.cmd, packet.flag, Outcome::Refuse(ErrorId::TOO_MANY_REQUESTS), env)
    }

    /// A message that is no packet at all closes the connection.
    #[cold]
    fn short_packet<S>(&mut self, message: &[u8], env: &mut Env<S>) -> Cause {
        self.log_bad_input(None, env, format_args!("a message of {} bytes is no packet", message.len()));
        Cause::ShortPacket
    }

    /// Refuses a request that no honest client sends; one too many closes the connection.
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

    /// Tells the application of Data that does not decode.
    #[cold]
    fn offence<S: Application>(&mut self, cmd: u16, offence: Undecodable, env: &mut Env<S>) -> Cause {
        self.log_bad_input(Some(cmd), env, format_args!("Data does not decode: {offence:?}"));
        let (state, record) = (&mut env.state, &*self.record);
        if catch_unwind(AssertUnwindSafe(|| state.offence(record, offence))).is_err() {
            connection_log::panicked(
                self.record,
                &mut env.tools.log,
                env.tools.now,
                Some(cmd),
                "offence hook",
            );
        }
        Cause::Undecodable(offence)
    }

    pub(super) fn log_bad_input<S>(
        &mut self,
        cmd: Option<u16>,
        env: &mut Env<S>,
        reason: fmt::Arguments<'_>,
    ) {
        connection_log::bad_input(self.record, &mut env.tools.log, env.tools.now, cmd, reason);
    }
}

/// Shows each of the frames that were gathered for a connection under debug.
pub(super) fn log_frames(record: &Record, mut frames: &[u8]) {
    while !frames.is_empty() {
        let (frame, rest) = frames.split_at(frame::boundary_at_or_after(frames, 1).min(frames.len()));
        log::info!("{} out {}", record.id, Hex(frame));
        frames = rest;
    }
}

/// The first bytes of something, in hexadecimal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take(DEBUG_BYTES) {
            write!(f, "{byte:02x}")?;
        }
        if self.0.len() > DEBUG_BYTES {
            f.write_char('…')?;
        }
        write!(f, " ({} bytes)", self.0.len())
    }
}
