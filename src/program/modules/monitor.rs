//! Module 90: what operators see of the server, and what they can do to a connection.

use prost::Message as _;
use sysconn::packet::ErrorId;
use sysconn::{Access, ConnectionId, Context, Kind, Outcome, Request, Route, Snapshot, Survey, typed};

use super::Gateway;
use crate::program::messages::{self, Connection, M9001Toc, M9002Toc, M9002Tos, M9003Tos, M9004Tos};

pub(super) const ROUTES: [Route<Gateway>; 4] = [
    Route::new(9001, "stats", Access::Monitor, stats),
    Route::new(9002, "connections", Access::Monitor, typed!(connections, request)),
    Route::new(9003, "kick", Access::Monitor, typed!(kick, request)),
    Route::new(9004, "debug", Access::Monitor, typed!(debug, request)),
];

/// Connections in a page of the list where the client does not say.
const DEFAULT_PAGE: usize = 100;
/// The most connections in a page of the list.
const MAX_PAGE: usize = 1000;
/// Bytes after which a page of the list ends early: a quarter of what the outbox takes by default.
const MAX_PAGE_BYTES: usize = sysconn::config::OUTBOX_LIMIT / 4;

/// empty → the figures of the server.
fn stats(_: &mut Gateway, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let ticket = context.defer(request);
    context.effects().survey(move |survey| {
        let totals = survey.totals();
        let stats = M9001Toc {
            connections: totals.accepted.saturating_sub(totals.closed),
            accepted: totals.accepted,
            closed: totals.closed,
            packets_received: totals.packets_received,
            packets_sent: totals.packets_sent,
            send_errors: totals.send_errors,
            bad_requests: totals.bad_requests,
            uptime_ms: survey.now().as_ms(),
        };
        ticket.reply(stats.encode_to_vec());
    });
    Outcome::Done
}

/// One page of the list of connections.
fn connections(
    _: &mut Gateway,
    message: M9002Tos,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    let ticket = context.defer(request);
    let offset = usize::try_from(message.offset).unwrap_or(usize::MAX);
    let limit = match usize::try_from(message.limit) {
        Ok(0) => DEFAULT_PAGE,
        Ok(limit) => limit.min(MAX_PAGE),
        Err(_) => MAX_PAGE,
    };
    context.effects().survey(move |survey| ticket.reply(page(survey, offset, limit).encode_to_vec()));
    Outcome::Done
}

/// As much of the page as a reply should hold.
fn page(survey: &Survey<'_>, offset: usize, limit: usize) -> M9002Toc {
    let mut page = M9002Toc { total: survey.len() as u64, connection: Vec::new() };
    let mut bytes = 0;
    for snapshot in survey.page(offset, limit) {
        let connection = describe(survey, &snapshot);
        bytes += connection.encoded_len();
        if bytes > MAX_PAGE_BYTES {
            break;
        }
        page.connection.push(connection);
    }
    page
}

/// The record of a connection as a message.
fn describe(survey: &Survey<'_>, snapshot: &Snapshot) -> Connection {
    let record = &snapshot.record;
    let identity = record.identity().unwrap_or_default();
    let custodian = record.custodian().cloned().unwrap_or_default();
    let kind = match record.kind() {
        Kind::Tester => messages::Kind::Tester,
        Kind::GameServer => messages::Kind::GameServer,
        Kind::Monitor => messages::Kind::Monitor,
    };
    Connection {
        id: record.id().to_u64(),
        peer: record.peer().to_string(),
        kind: kind.into(),
        account: identity.account.to_owned(),
        platform: identity.platform.to_owned(),
        zone_id: identity.zone_id,
        role_id: identity.role_id,
        custodian: custodian.account,
        custodian_role_id: custodian.role_id,
        connected_ms: survey.unix_ms(record.connected_at()),
        recv_count: record.recv_count(),
        send_count: record.send_count(),
        error_send: record.error_send(),
        bad_req_count: record.bad_req_count(),
        loop_counter: record.loop_counter().into(),
        outbox_bytes: snapshot.outbox_bytes as u64,
        debug: record.debug(),
    }
}

/// Closes a connection with 4010. An operator's own gets the reply first.
fn kick(_: &mut Gateway, message: M9003Tos, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = ConnectionId::from_u64(message.id);
    let outcome = if id == context.id() { context.reply(&[]) } else { answer(id, request, context) };
    context.effects().kick(id);
    outcome
}

/// Switches the log of each packet of a connection.
fn debug(_: &mut Gateway, message: M9004Tos, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = ConnectionId::from_u64(message.id);
    let outcome = answer(id, request, context);
    context.effects().set_debug(id, message.on);
    outcome
}

/// Answers a request that is about a connection: empty Data, or ErrorID 4 if it has ended. Effects
/// that are left after this one find the connection as it was found here.
fn answer(id: ConnectionId, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let ticket = context.defer(request);
    context.effects().survey(move |survey| match survey.get(id) {
        Some(_) => ticket.reply([]),
        None => ticket.refuse(ErrorId::NOT_ALLOWED),
    });
    Outcome::Done
}
