//! The application of a replay: repeats the recorded one's actions.

use std::collections::BTreeMap;
use std::time::Duration;

use super::absent::zeros;
use crate::cause::Cause;
use crate::conn::{access_of, login_of, recorded_wait};
use crate::frame::{CloseCode, Opcode};
use crate::packet::{DataStatus, ErrorId, REPLY_HEADER_BYTES, Reply};
use crate::record::{Peer, Record};
use crate::recording::codes::Reason;
use crate::recording::file::File;
use crate::recording::frame::Frame;
use crate::recording::note::{self, Note, Said};
use crate::recording::{ReplaySource, Sent};
use crate::router::{Application, Context, Deferral, Message, Outcome, Request, Route, Router, Service};
use crate::upgrade::{self, Refusal};

/// The application: its actions come from `source`.
pub(super) struct Replayer {
    pub(super) source: ReplaySource,
}

impl Application for Replayer {
    /// Where the answers of predicates come from.
    type Session = ReplaySource;

    fn upgrade(&mut self, _: &upgrade::Request<'_>, _: Peer) -> Result<ReplaySource, Refusal> {
        match self.source.verdict().flatten().and_then(|reason: Reason| reason.cause()) {
            None => Ok(self.source.clone()),
            Some(Cause::Refused(refusal)) => Err(refusal),
            Some(_) => panic_quietly(),
        }
    }

    fn opened(&mut self, context: &mut Context<'_, ReplaySource>) {
        let _ = self.act(None, context);
    }
}

/// The service of the recorded server, as far as the recording shows it.
pub(super) fn service(file: &File) -> Service<Replayer> {
    if file.head.messages {
        return Service::Messages(on_message);
    }
    let mut routes = BTreeMap::new();
    for (_, note) in file.notes() {
        let Note::Packet { cmd, route, .. } = note else { continue };
        let (access, secret, unordered, deadline_ms) = match route {
            note::Route::Unknown {} => continue,
            note::Route::Known { access, secret } => (access, secret, false, 0),
            note::Route::Deferring { access, secret, unordered, deadline_ms } => {
                (access, secret, unordered, deadline_ms)
            }
        };
        let Some(access) = access_of(access, on_asked) else { continue };
        let mut route = Route::new(cmd, "recorded", access, on_packet);
        route = if secret { route.secret() } else { route };
        route = if unordered { route.unordered() } else { route };
        if deadline_ms > 0 {
            route = route.deadline(Duration::from_millis(deadline_ms));
        }
        routes.insert(cmd, route);
    }
    Service::Packets(Router::leak(routes.into_values()))
}

fn on_asked(_: &Record, source: &ReplaySource) -> bool {
    source.asked().unwrap_or_else(|| panic_quietly())
}

fn on_packet(
    replayer: &mut Replayer,
    request: Request<'_>,
    context: &mut Context<'_, ReplaySource>,
) -> Outcome {
    replayer.act(Some(&request), context)
}

fn on_message(replayer: &mut Replayer, _: Message<'_>, context: &mut Context<'_, ReplaySource>) -> Outcome {
    replayer.act(None, context)
}

impl Replayer {
    /// Repeats the actions of the recorded handler.
    fn act(&self, request: Option<&Request<'_>>, context: &mut Context<'_, ReplaySource>) -> Outcome {
        // If the recording has no handler here, the fact that one runs is the difference.
        let Some((mut outcome, too_large)) = self.source.outcome() else { return Outcome::Done };
        let mut refusal = Sent::AsItWas;
        if let Some(Said::Refuse { error_id }) = outcome.said {
            // The outcome itself produces the refusal.
            match outcome.frames.pop_if(|frame| is_refusal(frame, error_id)) {
                Some(frame) if frame.compressed && !frame.is_later() => {
                    refusal = Sent::Message(frame.len);
                }
                Some(_) => {}
                None => outcome.failed = outcome.failed.saturating_sub(1),
            }
        }
        for frame in &outcome.frames {
            send(frame, context);
        }
        context.buffer.lend_absent(&[]);
        self.source.set_sent(refusal);
        context.fail_to_send(outcome.failed);
        context.count_too_large(too_large);
        match outcome.login {
            Some(note::Login { role_id: 0, .. }) => context.logout(),
            Some(ref login) => {
                let _ = context.login(login_of(login));
            }
            None => {}
        }
        let is_login = outcome.deferred == note::Deferred::Login {};
        if let Some(request) = request.filter(|_| outcome.deferred != note::Deferred::No {}) {
            let (seq, cmd, flag) = (request.seq(), request.cmd(), request.flag());
            let awaited = recorded_wait(&self.source);
            context.after_call().deferral = Some(Box::new(Deferral { seq, cmd, flag, is_login, awaited }));
        }
        context.effects().set_cost(outcome.cost);
        match outcome.said {
            Some(Said::Refuse { error_id }) => Outcome::Refuse(ErrorId(error_id)),
            Some(Said::Undecodable {}) => Outcome::Undecodable,
            Some(Said::Close { code }) => CloseCode::new(code).map_or(Outcome::Done, Outcome::Close),
            Some(Said::Panicked {}) => panic_quietly(),
            Some(Said::Done {}) | None => Outcome::Done,
        }
    }
}

/// Whether a frame is the refusal with this ErrorID. A compressed frame reveals no more.
fn is_refusal(frame: &Frame, error_id: u16) -> bool {
    let is_empty = frame.len == REPLY_HEADER_BYTES as u64;
    frame.compressed || frame.packet.as_ref().is_some_and(|packet| packet.error_id == error_id) && is_empty
}

/// Whether a packet may be a push of the handler to its own connection, which is never compressed.
fn is_push(reply: &Reply<'_>) -> bool {
    (reply.error_id, reply.flag, reply.data_status) == (ErrorId::NONE, 0, DataStatus::Raw as u8)
}

/// Sends a frame of the recorded form, without its bytes.
fn send(frame: &Frame, context: &mut Context<'_, ReplaySource>) {
    let Some(opcode) = frame.opcode() else { return };
    let is_packet = !frame.compressed && frame.packet.is_some();
    let headers = if is_packet { REPLY_HEADER_BYTES as u64 } else { 0 };
    let Some(data) = frame.len.checked_sub(headers).and_then(zeros) else { return };
    context.buffer.lend_absent(data);
    if frame.is_later() && frame.compressed {
        return context.send_with(|buffer| buffer.message_later(opcode, &[data]));
    }
    if frame.compressed {
        context.send_with(|buffer| buffer.as_compressed(opcode, data));
    } else if let Some(packet) = &frame.packet {
        let reply = Reply {
            error_id: ErrorId(packet.error_id),
            data_status: packet.data_status,
            flag: packet.flag,
            cmd: packet.cmd,
            data,
        };
        if frame.is_later() {
            return context.send_with(|buffer| buffer.packet_of_compressed_data(&reply));
        }
        if is_push(&reply) {
            return context.send_with(|buffer| buffer.plain_packet(&reply));
        }
        context.send_with(|buffer| buffer.packet(&reply));
    } else if opcode == Opcode::Binary {
        context.send_with(|buffer| buffer.plain_message(opcode, data));
    } else {
        context.send_with(|buffer| buffer.message(opcode, data));
    }
}

/// Panics like the recorded handler, without a message.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("as it was recorded"))
}
