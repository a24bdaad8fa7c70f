//! The path of most packets, for speed: short ones that follow one another are handled in one call into the
//! application.
//!
//! It does exactly what `frames.rs` and `packets.rs` would, which get everything that is unusual in any way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::connection::Conn;
use super::dispatch::{Dispatch, Returned};
use super::env::Env;
use super::frames::FLUSH_BYTES;
use super::packets::check_reply;
use crate::cause::Cause;
use crate::frame::{ShortMessage, begins_short_message};
use crate::packet::{DataStatus, REQUEST_HEADER_BYTES, RequestHeader};
use crate::router::{Access, Application, Context, Outcome, Request, Route, Router, Service};

/// A packet that its client may send, and its route.
struct ShortPacket<'i, S: Application> {
    header: RequestHeader,
    data: &'i [u8],
    route: &'static Route<S>,
}

/// The short packets at the front of the input, and what their handlers need.
struct ShortPackets<'a, 'i, S: Application> {
    router: &'static Router<S>,
    input: &'i mut [u8],
    frames_left: u32,
    /// The length of the write buffer at which it is to be written.
    flush_at: usize,
    state: &'a mut S,
    context: Context<'a, S::Session>,
    /// The outcome of a call that has done more than send.
    outcome: Option<Outcome>,
}

impl<'i, S: Application> ShortPackets<'_, 'i, S> {
    /// Handles packets until anything else comes next, or a call has done more than send.
    #[inline(always)]
    fn handle_all(&mut self) {
        while self.frames_left > 0
            && self.context.buffer.tools.write_buffer.bytes.len() < self.flush_at
            && let Some(packet) = self.take()
        {
            // Cannot wrap: there is one at least.
            self.frames_left = self.frames_left.wrapping_sub(1);
            let outcome = self.handle(&packet);
            if !self.has_only_sent(outcome) {
                self.outcome = Some(outcome);
                return;
            }
            self.context.buffer.tools.meter.handler_ended(packet.header.cmd, None);
            if self.input.is_empty() {
                return;
            }
        }
    }

    /// Takes the packet at the front of the input. `None`, and nothing is taken, if anything else comes next,
    /// or a packet that is to be refused, that has encoded Data, or about whose sender the application
    /// decides.
    #[inline(always)]
    fn take(&mut self) -> Option<ShortPacket<'i, S>> {
        let message = ShortMessage::at_front_of(self.input)?;
        let header = RequestHeader::parse(message.first);
        if header.data_status != DataStatus::Raw as u8 || !header.has_size(message.rest_len()) {
            return None;
        }
        let route = self.router.find(header.cmd)?;
        if !matches!(route.access(), Access::Anyone) {
            let record = &*self.context.record;
            let kind = record.is_logged_in().then(|| record.kind());
            route.access().check(kind, |_| Err(())).ok()?.ok()?;
        }
        Some(ShortPacket { header, data: message.take_rest(&mut self.input)?, route })
    }

    /// Counts a packet as received, and calls its handler.
    #[inline(always)]
    fn handle(&mut self, packet: &ShortPacket<'_, S>) -> Outcome {
        let context = &mut self.context;
        let (tools, data) = (&mut *context.buffer.tools, packet.data);
        let RequestHeader { data_status, flag, cmd, .. } = packet.header;
        context.record.count_packet_in();
        context.record.set_last_cmd(cmd);
        tools.totals.count_packet_in();
        tools.meter.received(Some(cmd), REQUEST_HEADER_BYTES + data.len());
        tools.meter.handler_begins(cmd);
        (context.cmd, context.flag, context.replied) = (cmd, flag, false);
        let request = Request { cmd, flag, data_status, seq: context.record.recv_count(), data };
        let outcome = packet.route.handler()(self.state, request, context);
        if packet.route.owes_reply() {
            check_reply(packet.route, outcome, context);
        }
        outcome
    }

    /// Whether the last call has done no more than send, so that the next one can follow at once. Anything
    /// else leaves something for after the call, or has a cost: a logout, for instance.
    #[inline(always)]
    fn has_only_sent(&self, outcome: Outcome) -> bool {
        let tools = &*self.context.buffer.tools;
        outcome == Outcome::Done
            && !self.context.leaves_more
            && tools.effects.cost() == 0
            && tools.jobs.is_empty()
    }
}

impl Conn {
    /// Takes short packets from the front of the input, until anything else comes next or a call has done
    /// more than send. False if there are none.
    #[inline(always)]
    pub(super) fn read_short_packets<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> bool {
        let Service::Packets(router) = env.service else { return false };
        if !begins_short_message(input) {
            return false;
        }
        let Some((decoder, mut dispatch)) = self.split() else { return false };
        let is_usual = decoder.is_idle()
            && env.settings.short_messages_pass
            && env.tools.write_buffer.borrowed.is_empty()
            && dispatch.has_usual_calls();
        if !is_usual {
            return false;
        }
        let before = input.len();
        let result = dispatch.short_packets(router, input, env);
        if let Some(result) = result {
            self.end_short_packets(result, env);
            return true;
        }
        let had_packets = input.len() < before;
        if had_packets {
            self.note_message_len(false);
        }
        had_packets
    }

    /// Ends a call that has done more than send.
    #[inline(never)]
    fn end_short_packets<S: Application>(&mut self, result: Result<(), Cause>, env: &mut Env<S>) {
        self.end_message(false, result, env);
    }
}

impl Dispatch<'_> {
    /// Whether nothing holds packets back, and nobody watches their handlers.
    #[inline(always)]
    fn has_usual_calls(&self) -> bool {
        !self.record.has_watched_handlers() && self.outbox.is_empty() && !self.rare.holds_back()
    }

    /// Handles short packets. Returns the result of the last call if it has done more than send; an error
    /// closes the connection.
    #[inline(always)]
    fn short_packets<S: Application>(
        &mut self,
        router: &'static Router<S>,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Option<Result<(), Cause>> {
        let was_in = self.record.is_logged_in();
        let mut packets = ShortPackets {
            router,
            input: std::mem::take(input),
            frames_left: env.frames_left,
            flush_at: env.tools.write_buffer.start + FLUSH_BYTES,
            state: &mut env.state,
            context: self.context(&mut env.tools),
            outcome: None,
        };
        let caught = catch_unwind(AssertUnwindSafe(|| packets.handle_all()));
        (*input, env.frames_left) = (packets.input, packets.frames_left);
        if caught.is_ok() && packets.outcome.is_none() {
            return None;
        }
        let returned = Returned::of(packets.context, packets.outcome, &env.service);
        let result = self.act_on(&returned, was_in, env);
        env.tools.meter.handler_ended(returned.cmd, None);
        Some(result)
    }
}
