//! What a connection receives: the response to its upgrade, then frames, and what they are to its requests.

use std::borrow::Cow;
use std::io;

use prost::Message as _;
use sysconn::frame::{CloseFrame, Event, MessageKind, Opcode, Role, Rules};
use sysconn::packet::{DataStatus, ErrorId, Reply};

use super::session::{Session, Stage};
use super::setup::HEARTBEAT_FLAG;
use super::{Connection, MAX_READS, Stop};
use crate::bench::codec::Codec;
use crate::bench::handshake::Response;
use crate::bench::in_flight::Answer;
use crate::bench::plan::Kind;
use crate::bench::shared::Shared;
use crate::bench::template::{number_of, room_name};
use crate::bench::wire::Wire;
use crate::messages::room;

/// The code that stands for a Close frame without one (RFC 6455 §7.4.1).
const NO_CODE: u16 = 1005;

impl Connection {
    /// Reads what is there, once at least, until the time for reads is over. Returns whether there may be
    /// more.
    pub(super) fn receive(&mut self, shared: &mut Shared) -> Result<bool, Stop> {
        for _ in 0..MAX_READS {
            let Some(wire) = &mut self.wire else { return Ok(false) };
            let limit = shared.read_bytes;
            let read = match wire.transport.read(shared.buffer.get_mut(..limit).unwrap_or_default()) {
                Ok(0) => return Err(Stop::End),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let mut buffer = std::mem::take(&mut shared.buffer);
            let result = self.take(buffer.get_mut(..read).unwrap_or_default(), shared);
            // A plain socket that does not fill the buffer has no more, unless its end was reported already.
            let is_drained = read < limit && shared.plan.tls.is_none() && !self.session.has_ended;
            shared.buffer = buffer;
            result?;
            if is_drained {
                return Ok(false);
            }
            shared.read_time.note(shared.clock.now());
            if shared.read_time.is_over() {
                break;
            }
        }
        Ok(true)
    }

    fn take(&mut self, bytes: &mut [u8], shared: &mut Shared) -> Result<(), Stop> {
        let Stage::Upgrading(handshake) = &mut self.session.stage else { return self.frames(bytes, shared) };
        match handshake.read(bytes, &shared.upgrade) {
            Response::Incomplete => Ok(()),
            Response::Failed(reason) => Err(Stop::Failed(reason)),
            Response::Agreed(mut rest) => {
                if let Some(wire) = &mut self.wire {
                    self.session.set_up(wire, shared);
                }
                if rest.is_empty() { Ok(()) } else { self.frames(&mut rest, shared) }
            }
        }
    }

    fn frames(&mut self, mut input: &mut [u8], shared: &mut Shared) -> Result<(), Stop> {
        let rules = Rules {
            role: Role::Client,
            max_len: shared.plan.max_len,
            text: true,
            deflate: shared.plan.deflate,
        };
        let Connection { wire: Some(wire), decoder, session } = self else { return Ok(()) };
        let now = shared.clock.now();
        shared.read_time.note(now);
        let broken = |error| Stop::Failed(format!("the server breaks a rule: {error}"));
        if decoder.is_idle() {
            input = session.take_echoes(input, now, shared);
            if input.is_empty() {
                return Ok(());
            }
            // It is less than a frame, so no event comes of it.
            let mut begun = session.take_begun(shared);
            decoder.next(&mut begun.as_mut_slice(), &rules).map_err(broken)?;
        }
        loop {
            match decoder.next(&mut input, &rules).map_err(broken)? {
                None => return Ok(()),
                Some(Event::Pong(_)) => {}
                // A server that does not read has no use for more of them, and they would need memory.
                Some(Event::Ping(_)) if !wire.has_room() => {}
                Some(Event::Ping(payload)) => wire.control(Opcode::Pong, payload, &mut shared.random),
                Some(Event::Close(close)) => return session.close(close, wire, shared),
                Some(Event::Message { kind, compressed, payload }) => {
                    if compressed {
                        shared.inflates();
                    }
                    let message: Cow<'_, [u8]> = match (compressed, &mut shared.codec) {
                        (true, Some(codec)) => {
                            let inflated = codec.inflate(payload, shared.plan.max_len);
                            Cow::Owned(inflated.ok_or_else(|| Stop::Failed(BROKEN.to_owned()))?)
                        }
                        (_, _) => Cow::Borrowed(payload),
                    };
                    session.message(kind, &message, now, wire, shared)?;
                }
            }
        }
    }
}

/// Why a compressed message cannot be used.
const BROKEN: &str = "the server sends a message that does not inflate";

impl Session {
    /// The server's Close: the answer to this side's, or the end.
    fn close(
        &mut self,
        close: Option<CloseFrame<'_>>,
        wire: &mut Wire,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        if matches!(self.stage, Stage::Closing) {
            return Ok(());
        }
        let code = close.map(|close| close.code.get());
        let payload = code.map(u16::to_be_bytes);
        wire.control(Opcode::Close, payload.as_slice().as_flattened(), &mut shared.random);
        // It may be gone already.
        let _ = wire.flush();
        Err(Stop::Closed(code.unwrap_or(NO_CODE)))
    }

    fn message(
        &mut self,
        kind: MessageKind,
        message: &[u8],
        now: u64,
        wire: &mut Wire,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        match (shared.plan.kind, kind) {
            // Some echo servers greet.
            (Kind::Echo, MessageKind::Text) => shared.figures.others += 1,
            (Kind::Echo, MessageKind::Binary) => self.echoed(message, now, shared),
            (Kind::Call { .. } | Kind::Rooms { .. }, MessageKind::Text) => shared.figures.wrong += 1,
            (Kind::Call { .. } | Kind::Rooms { .. }, MessageKind::Binary) => match Reply::parse(message) {
                Ok(reply) => {
                    self.packets_received += 1;
                    self.packet(&reply, now, wire, shared)?;
                }
                Err(_) => shared.figures.wrong += 1,
            },
        }
        Ok(())
    }

    /// A message of a plain echo.
    fn echoed(&mut self, message: &[u8], now: u64, shared: &mut Shared) {
        // A message that is whole says which one it is. Another can only be that of the oldest.
        let named = shared.template.flag_of(message);
        let oldest = self.in_flight.oldest().map(|oldest| oldest.flag);
        let Some(flag) = named.or(oldest).filter(|flag| self.in_flight.has(*flag)) else {
            self.surplus(shared);
            return;
        };
        let is_right = shared.template.is_content(message, flag.into());
        match self.in_flight.answer(flag, true) {
            Answer::Complete(request) if is_right => shared.figures.answer(request.intended, now, 1),
            _ => shared.figures.wrong += 1,
        }
    }

    /// A reply has come that nothing waits for: it is wrong, or too late.
    fn surplus(&self, shared: &mut Shared) {
        if !self.has_given_up {
            shared.figures.wrong += 1;
            shared.figures.surplus += 1;
        }
    }

    fn packet(
        &mut self,
        reply: &Reply<'_>,
        now: u64,
        wire: &mut Wire,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        if self.is_setup(reply) {
            return self.go_on(reply.error_id, wire, shared);
        }
        match reply.flag {
            HEARTBEAT_FLAG => shared.pings_only |= reply.error_id != ErrorId::NONE,
            0 => self.push(reply, now, shared),
            _ => self.reply(reply, now, shared),
        }
        Ok(())
    }

    fn reply(&mut self, reply: &Reply<'_>, now: u64, shared: &mut Shared) {
        let is_refused = reply.error_id != ErrorId::NONE;
        let request = match self.in_flight.answer(reply.flag, is_refused) {
            Answer::Complete(request) => request,
            Answer::Partial => return,
            Answer::Overtaken => {
                shared.figures.wrong += 1;
                return;
            }
            Answer::Unexpected => {
                self.surplus(shared);
                return;
            }
        };
        let is_right = match shared.plan.kind {
            Kind::Call { cmd, echoes: false, .. } => reply.cmd == cmd,
            Kind::Call { cmd, echoes: true, .. } => {
                let data = data(reply, shared);
                let is_same = |data: &[u8]| shared.template.is_content(data, request.flag.into());
                reply.cmd == cmd && (is_refused || data.as_deref().is_some_and(is_same))
            }
            Kind::Rooms { .. } | Kind::Echo => reply.cmd == room::SAY,
        };
        match (is_refused, is_right, shared.plan.kind) {
            (_, false, _) => shared.figures.wrong += 1,
            (true, true, kind) => {
                if let Kind::Rooms { members } = kind {
                    let due = &mut shared.figures.deliveries_due;
                    *due = due.saturating_sub(members as u64);
                    if let Some(deliveries) = &mut shared.deliveries {
                        deliveries.take_back(self.index, request.intended);
                    }
                }
                shared.figures.refuse(reply.error_id.0);
            }
            (false, true, Kind::Rooms { .. }) => shared.figures.acknowledge(),
            (false, true, Kind::Call { .. } | Kind::Echo) => shared.figures.answer(request.intended, now, 1),
        }
    }

    /// A push: a text that was said in the room, or something that nothing asked for.
    fn push(&self, reply: &Reply<'_>, now: u64, shared: &mut Shared) {
        let is_said = matches!(shared.plan.kind, Kind::Rooms { .. }) && reply.cmd == room::SAID;
        if !is_said {
            shared.figures.others += 1;
            return;
        }
        let data = data(reply, shared);
        let plan = &shared.plan;
        let said = data
            .and_then(|data| room::Said::decode(&data[..]).ok())
            .filter(|said| said.room == room_name(&plan.room_prefix, plan.room(self.index)));
        let intended = said.and_then(|said| number_of(&said.text, plan.size));
        match intended.filter(|intended| *intended <= now) {
            Some(intended) => {
                shared.figures.deliver(intended, now);
                if let Some(deliveries) = &mut shared.deliveries {
                    deliveries.receive(self.index, intended);
                }
            }
            None => shared.figures.wrong += 1,
        }
    }
}

/// Data of a packet, inflated if it was compressed.
fn data<'a>(reply: &Reply<'a>, shared: &mut Shared) -> Option<Cow<'a, [u8]>> {
    match DataStatus::from_byte(reply.data_status)? {
        DataStatus::Compressed if !reply.data.is_empty() => {
            shared.inflates();
            Codec::inflate_zlib(reply.data, shared.plan.max_len).map(Cow::Owned)
        }
        DataStatus::Raw | DataStatus::Compressed => Some(Cow::Borrowed(reply.data)),
        DataStatus::Encrypted => None,
    }
}
