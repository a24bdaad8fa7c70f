//! Log lines about connections: refusals, logins, bad input, panics, and ends.

use std::fmt;
use std::io;
use std::time::Duration;

use log::Level;
use log::kv::{self, Source, Value, VisitSource};

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::log_limiter::{LogLimiter, Subject};
use crate::log_line::Bytes;
use crate::moment::Moment;
use crate::record::{Login, Peer, Record};
use crate::upgrade::{self, Refusal};

/// The subject of a line.
struct Who {
    id: ConnectionId,
    peer: Peer,
}

impl Who {
    fn of(record: &Record) -> Self {
        Who { id: record.id, peer: record.peer() }
    }
}

impl Source for Who {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        visitor.visit_pair("id".into(), Value::from_display(&self.id))?;
        visitor.visit_pair("peer".into(), Value::from_display(&self.peer))
    }
}

/// Writes a line about a client's bad input, within the allowances of the connection and of all.
#[cold]
pub(crate) fn bad_input(
    record: &mut Record,
    log: &mut LogLimiter,
    now: Moment,
    cmd: Option<u16>,
    reason: fmt::Arguments<'_>,
) {
    if !record.may_log_bad_input() || !log.may_write(Level::Info, Subject::BadInput, now) {
        return;
    }
    let (reason, role_id) = (reason.to_string(), record.role_id());
    let fields = [
        Some(("role_id", Value::from_display(&role_id))),
        cmd.map(|cmd| ("cmd", Value::from(cmd))),
        Some(("reason", Value::from(reason.as_str()))),
    ];
    crate::log_line::write(Level::Info, "bad input", &[&Who::of(record) as &dyn Source, &fields]);
}

/// Writes a line about a handler or hook that panicked, within the same allowances.
#[cold]
pub(crate) fn panicked(record: &mut Record, log: &mut LogLimiter, now: Moment, cmd: Option<u16>, what: &str) {
    if record.may_log_bad_input() {
        let role_id = record.role_id();
        let fields =
            [Some(("role_id", Value::from_display(&role_id))), cmd.map(|cmd| ("cmd", Value::from(cmd)))];
        log.panicked(now, what, &[&Who::of(record) as &dyn Source, &fields]);
    }
}

/// Writes a line about a handler or hook that took too long, with the command and name of its route.
#[cold]
pub(crate) fn slow(
    record: &Record,
    log: &mut LogLimiter,
    now: Moment,
    what: &str,
    route: Option<(u16, &str)>,
    took: Duration,
) {
    let role_id = record.role_id();
    let fields = [
        Some(("role_id", Value::from_display(&role_id))),
        route.map(|(cmd, _)| ("cmd", Value::from(cmd))),
        route.map(|(_, name)| ("route", Value::from(name))),
    ];
    log.slow(now, what, took, &[&Who::of(record) as &dyn Source, &fields]);
}

/// Writes a line about a packet that no outbox can ever take, which is not its receiver's fault.
#[cold]
pub(crate) fn oversized(
    record: &mut Record,
    log: &mut LogLimiter,
    now: Moment,
    cmd: u16,
    bytes: usize,
    limit: usize,
) {
    if record.may_log_bad_input() {
        let role_id = record.role_id();
        let fields = [
            ("role_id", Value::from_display(&role_id)),
            ("cmd", Value::from(cmd)),
            ("bytes", Value::from(bytes as u64)),
            ("outbox_limit", Value::from(limit as u64)),
        ];
        let event = "a packet is larger than outbox-limit and can never be sent";
        let who = Who::of(record);
        log.write_at(Level::Warn, Subject::BadInput, now, event, &[&who as &dyn Source, &fields]);
    }
}

/// Writes a line about an upgrade that is refused. `head` is the part of the request that has come.
#[cold]
pub(crate) fn refused(
    record: &Record,
    log: &mut LogLimiter,
    now: Moment,
    refusal: Refusal,
    head: &[u8],
    drains: bool,
) {
    if !log.may_write(Level::Info, Subject::Refusal, now) {
        return;
    }
    let path = upgrade::log_fields::path(head).map(|path| Bytes(path).to_text());
    let origin = upgrade::log_fields::origin(head).map(|origin| Bytes(origin).to_text());
    let origin = (refusal == Refusal::Forbidden).then(|| origin.as_deref().unwrap_or("none"));
    let fields = [
        Some(("status", Value::from(refusal.status()))),
        Some(("reason", Value::from(reason(refusal, drains)))),
        path.as_deref().map(|path| ("path", Value::from(path))),
        origin.map(|origin| ("origin", Value::from(origin))),
    ];
    crate::log_line::write(Level::Info, "upgrade refused", &[&Who::of(record) as &dyn Source, &fields]);
}

/// Why an upgrade is refused, for the operator: names the option that caused it.
fn reason(refusal: Refusal, drains: bool) -> &'static str {
    match refusal {
        Refusal::Forbidden => "this origin is not allowed (origin)",
        Refusal::NotFound => "nothing is served at this path (path)",
        Refusal::TooSlow => "the request was not complete in time (handshake-timeout)",
        Refusal::TooManyConnections => "too many connections from this address (max-connections-per-ip)",
        Refusal::Unavailable if drains => "the server drains",
        Refusal::Unavailable => "the server is full (max-connections)",
        refusal => refusal.text(),
    }
}

/// Writes a line about a client that was refused before it became a connection.
#[cold]
pub(crate) fn turned_away(peer: Peer, log: &mut LogLimiter, now: Moment, refusal: Refusal, reason: &str) {
    let fields = [
        ("peer", Value::from_display(&peer)),
        ("status", Value::from(refusal.status())),
        ("reason", Value::from(reason)),
    ];
    log.write(Subject::Refusal, now, "upgrade refused", &fields);
}

/// Writes a line about a TLS handshake that failed.
#[cold]
pub(crate) fn tls_failed(record: &Record, log: &mut LogLimiter, now: Moment, error: &io::Error) {
    let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
    let reason = if is_end { "the client ended the connection".to_owned() } else { error.to_string() };
    let fields = [("reason", Value::from(reason.as_str()))];
    log.write(Subject::Refusal, now, "TLS handshake failed", &[&Who::of(record) as &dyn Source, &fields]);
}

/// Writes a line about a login that was accepted.
pub(crate) fn logged_in(record: &Record, log: &mut LogLimiter, now: Moment, login: &Login) {
    let Login { identity, kind, custodian, take_topics: _ } = login;
    let role_id = identity.role_id;
    let custodian_role_id = custodian.as_ref().map_or(0, |custodian| custodian.role_id);
    let fields = [
        Some(("account", Value::from(identity.account.as_str()))),
        Some(("role_id", Value::from_display(&role_id))),
        Some(("kind", Value::from(kind.label()))),
        custodian.as_ref().map(|custodian| ("custodian", Value::from(custodian.account.as_str()))),
        custodian.as_ref().map(|_| ("custodian_role_id", Value::from_display(&custodian_role_id))),
    ];
    log.write(Subject::Login, now, "login", &[&Who::of(record) as &dyn Source, &fields]);
}

/// Writes a line about a login that was refused.
#[cold]
pub(crate) fn login_refused(
    record: &Record,
    log: &mut LogLimiter,
    now: Moment,
    account: &str,
    role_id: u64,
    reason: &str,
) {
    let fields = [
        ("account", Value::from(account)),
        ("role_id", Value::from_display(&role_id)),
        ("reason", Value::from(reason)),
    ];
    log.write(Subject::Login, now, "login refused", &[&Who::of(record) as &dyn Source, &fields]);
}

/// Writes a line about a connection that has ended.
pub(crate) fn ended(record: &Record, log: &mut LogLimiter, now: Moment, cause: Cause) {
    if !log.may_write(Level::Info, Subject::End, now) {
        return;
    }
    let (role_id, cause_text) = (record.role_id(), cause.to_string());
    let account = record.identity().map(|identity| ("account", Value::from(identity.account)));
    let custodian = record.custodian();
    let custodian_role_id = custodian.map_or(0, |custodian| custodian.role_id);
    let fields = [
        account,
        Some(("role_id", Value::from_display(&role_id))),
        custodian.map(|custodian| ("custodian", Value::from(custodian.account.as_str()))),
        custodian.map(|_| ("custodian_role_id", Value::from_display(&custodian_role_id))),
        Some(("cause", Value::from(cause_text.as_str()))),
        cause.close_code().map(|code| ("code", Value::from(code.get()))),
        Some(("duration_ms", Value::from(now.since(record.connected_at())))),
        Some(("packets_in", Value::from(record.recv_count()))),
        Some(("packets_out", Value::from(record.send_count()))),
        Some(("bytes_in", Value::from(record.bytes_received()))),
        Some(("bytes_out", Value::from(record.bytes_sent()))),
        Some(("last_cmd", Value::from(record.last_cmd()))),
    ];
    crate::log_line::write(Level::Info, "connection ended", &[&Who::of(record) as &dyn Source, &fields]);
}
