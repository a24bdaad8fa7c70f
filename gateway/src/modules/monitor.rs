//! Module 90: figures for operators, and their actions on connections.
//!
//! It knows nothing of the gateway: a game that has the messages of proto/sysconn.proto can copy this file
//! and mount it, as gateway/examples/monitor.rs does.

use log::Level;
use log::kv::{Source, Value};
use prost::Message;
use sysconn::packet::ErrorId;
use sysconn::{
    Access, Application, ClientKind, ConnectionId, Context, Effects, Outcome, Record, Request, Route,
    Snapshot, Survey, Worker, log_line, proto,
};

use crate::messages::{self, Connection, monitor};

/// A state whose connections operators can look at and act on.
pub(crate) trait Monitored: Application + Sized {
    /// The worker of this state, by which the monitor reaches the connections of the others.
    fn worker(&self) -> &Worker<Self>;
}

/// The routes of module 90.
pub(crate) const fn routes<S: Monitored>() -> [Route<S>; 4] {
    [
        Route::new(monitor::STATS, "stats", Access::Operator, stats).messages("", monitor::Stats::NAME),
        Route::new(monitor::CONNECTIONS, "connections", Access::Operator, proto!(connections, request))
            .messages(monitor::Connections::NAME, monitor::ConnectionPage::NAME),
        Route::new(monitor::KICK, "kick", Access::Operator, proto!(kick, request))
            .messages(monitor::Kick::NAME, ""),
        Route::new(monitor::DEBUG, "debug", Access::Operator, proto!(debug, request))
            .messages(monitor::Debug::NAME, ""),
    ]
}

/// Connections in a page of the list by default.
pub(super) const DEFAULT_PAGE: usize = 100;
/// The most connections in a page of the list.
pub(super) const MAX_PAGE: usize = 1000;
/// Bytes after which a page of the list ends early: a quarter of what the outbox takes by default.
const MAX_PAGE_BYTES: usize = sysconn::config::OUTBOX_LIMIT / 4;
/// The most bytes of a page besides its items, those of `total`.
const TOTAL_BYTES: usize = 11;
/// The most bytes of an item besides its message.
const ITEM_BYTES: usize = 4;

/// The bytes that are left for the items of a page.
pub(super) struct Space(usize);

impl Space {
    /// That of a reply which the outbox is sure to take.
    pub(super) fn of<T>(context: &Context<'_, T>) -> Self {
        Space(context.reply_capacity().saturating_sub(TOTAL_BYTES).min(MAX_PAGE_BYTES))
    }

    /// Takes the space of an item. False if it does not fit; then nothing else does.
    pub(super) fn take(&mut self, item: &impl Message) -> bool {
        let left = self.0.checked_sub(item.encoded_len().saturating_add(ITEM_BYTES));
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// empty → the figures of the server, summed over its workers, each at the moment when it was asked.
fn stats<S: Monitored>(_: &mut S, request: Request<'_>, context: &mut Context<'_, S::Session>) -> Outcome {
    let mut ticket = Some(context.defer(request));
    let mut stats = monitor::Stats::default();
    context.effects().survey_all(move |survey| {
        let totals = survey.totals();
        stats.connections += totals.accepted.saturating_sub(totals.closed);
        stats.accepted += totals.accepted;
        stats.closed += totals.closed;
        stats.packets_received += totals.packets_received;
        stats.packets_sent += totals.packets_sent;
        stats.send_errors += totals.send_errors;
        stats.bad_requests += totals.bad_requests;
        stats.uptime_ms = survey.now().as_ms();
        if let Some(ticket) = ticket.take_if(|_| survey.is_last()) {
            ticket.reply_message(&stats);
        }
    });
    Outcome::Done
}

/// One page of the list of connections, which goes by worker, and then by slot.
fn connections<S: Monitored>(
    _: &mut S,
    message: monitor::Connections,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let mut ticket = Some(context.defer(request));
    let mut page = Page {
        offset: usize::try_from(message.offset).unwrap_or(usize::MAX),
        left: match usize::try_from(message.limit) {
            Ok(0) => DEFAULT_PAGE,
            Ok(limit) => limit.min(MAX_PAGE),
            Err(_) => MAX_PAGE,
        },
        space: Space::of(context),
        is_cut: false,
        message: monitor::ConnectionPage::default(),
    };
    context.effects().survey_all(move |survey| {
        page.add(survey);
        if let Some(ticket) = ticket.take_if(|_| survey.is_last()) {
            if page.is_cut && page.message.connection.is_empty() {
                return ticket.refuse(ErrorId::NOT_AVAILABLE);
            }
            ticket.reply_message(&page.message);
        }
    });
    Outcome::Done
}

/// A page that is being put together.
struct Page {
    /// Connections that come before it, of the workers that have not been seen yet.
    offset: usize,
    /// Connections that it may still take.
    left: usize,
    space: Space,
    /// Whether one of them did not fit.
    is_cut: bool,
    message: monitor::ConnectionPage,
}

impl Page {
    /// Adds the connections of one worker, as many as belong to it and as a reply should hold.
    fn add(&mut self, survey: &Survey<'_>) {
        self.message.total += survey.len() as u64;
        for snapshot in survey.page(self.offset, self.left) {
            let connection = describe(survey, &snapshot);
            if !self.space.take(&connection) {
                (self.left, self.is_cut) = (0, true);
                break;
            }
            self.left -= 1;
            self.message.connection.push(connection);
        }
        self.offset = self.offset.saturating_sub(survey.len());
    }
}

/// The record of a connection as a message.
fn describe(survey: &Survey<'_>, snapshot: &Snapshot) -> Connection {
    let record = &snapshot.record;
    let identity = record.identity().unwrap_or_default();
    let custodian = record.custodian().cloned().unwrap_or_default();
    let kind = match record.kind() {
        ClientKind::Guest => messages::Kind::Tester,
        ClientKind::Player => messages::Kind::GameServer,
        ClientKind::Operator => messages::Kind::Monitor,
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
fn kick<S: Monitored>(
    state: &mut S,
    message: monitor::Kick,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let id = ConnectionId::from_u64(message.id);
    if id == context.id() {
        Operator::of(context.record()).log("kick", context.record());
        context.effects().kick(id);
        return context.reply(&[]);
    }
    act_on(state, id, "kick", request, context, move |effects| effects.kick(id))
}

/// Switches the log of each packet of a connection.
fn debug<S: Monitored>(
    state: &mut S,
    message: monitor::Debug,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let monitor::Debug { id, on } = message;
    let id = ConnectionId::from_u64(id);
    let act = if on { "debug on" } else { "debug off" };
    act_on(state, id, act, request, context, move |effects| effects.set_debug(id, on))
}

/// The operator that acts.
pub(super) struct Operator {
    id: ConnectionId,
    account: String,
    role_id: u64,
}

impl Operator {
    pub(super) fn of(record: &Record) -> Self {
        let identity = record.identity().unwrap_or_default();
        Operator { id: record.id(), account: identity.account.to_owned(), role_id: identity.role_id }
    }

    /// Logs an action on a connection.
    fn log(&self, act: &str, whom: &Record) {
        let (id, peer) = (whom.id(), whom.peer());
        let identity = whom.identity().unwrap_or_default();
        let custodian = whom.custodian();
        let fields = [
            Some(("id", Value::from_display(&id))),
            Some(("peer", Value::from_display(&peer))),
            Some(("account", Value::from(identity.account))),
            Some(("role_id", Value::from_display(&identity.role_id))),
            custodian.map(|custodian| ("custodian", Value::from(custodian.account.as_str()))),
        ];
        self.log_fields(act, &fields);
    }

    /// Logs an action with its fields, and who did it. The log limiter never drops this line.
    pub(super) fn log_fields(&self, act: &str, fields: &[Option<(&str, Value<'_>)>]) {
        let who = [
            ("operator_id", Value::from_display(&self.id)),
            ("operator_account", Value::from(self.account.as_str())),
            ("operator_role_id", Value::from_display(&self.role_id)),
        ];
        log_line::write(Level::Info, act, &[&fields as &dyn Source, &who]);
    }
}

/// Acts on a connection, on its own worker, and answers the request: empty Data, ErrorID 4 if the connection
/// has ended, or 6 if the worker cannot be reached. The effects run right after the survey, and find the
/// connection as the survey found it.
fn act_on<S: Monitored>(
    state: &S,
    id: ConnectionId,
    name: &'static str,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
    act: impl FnOnce(&mut Effects) + Send + 'static,
) -> Outcome {
    if id.worker() >= state.worker().count() {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    }
    let operator = Operator::of(context.record());
    let ticket = context.defer(request);
    let look_and_act = move |effects: &mut Effects| {
        effects.survey(move |survey| match survey.get(id) {
            Some(snapshot) => {
                operator.log(name, &snapshot.record);
                ticket.reply([]);
            }
            None => ticket.refuse(ErrorId::NOT_ALLOWED),
        });
        act(effects);
    };
    if id.worker() == state.worker().index() {
        look_and_act(context.effects());
    } else {
        // If the call fails the ticket is dropped with it, which refuses the request.
        let _ = state.worker().call(id.worker(), |_, effects| look_and_act(effects));
    }
    Outcome::Done
}
