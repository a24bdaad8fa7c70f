//! Module 90: figures for operators, and their actions on connections.
//!
//! It knows nothing of the gateway: a game that has the messages of proto/sysconn.proto can copy this folder
//! and mount it, as gateway/examples/monitor.rs does.

mod operator;
mod others;
mod page;

use std::sync::Arc;

use prost::Message;
use sysconn::packet::ErrorId;
use sysconn::{
    Access, Application, ConnectionId, Context, Effects, Outcome, Request, Route, Survey, Ticket, Worker,
    proto,
};

use crate::messages::monitor;
use others::{Place, forward, look_by, pass_on};

pub(crate) use operator::Operator;
#[allow(unused_imports, reason = "a server that is alone has no others")]
pub(crate) use others::{Answered, Others, list_all};
#[allow(unused_imports, reason = "lists of others go by the same bounds")]
pub(crate) use page::{DEFAULT_PAGE, MAX_PAGE, Space, look_at_page};

/// A state whose connections operators can look at and act on.
pub(crate) trait Monitored: Application + Sized {
    /// The worker of this state, by which the monitor reaches the connections of the others.
    fn worker(&self) -> &Worker<Self>;

    /// The other servers of the cluster, if the server is in one.
    fn others(&self) -> Option<Arc<dyn Others>> {
        None
    }
}

/// The routes of module 90.
pub(crate) const fn routes<S: Monitored>() -> [Route<S>; 4] {
    [
        Route::new(monitor::STATS, "stats", Access::Operator, proto!(stats, request))
            .messages(monitor::StatsOf::NAME, monitor::Stats::NAME),
        Route::new(monitor::CONNECTIONS, "connections", Access::Operator, proto!(connections, request))
            .messages(monitor::Connections::NAME, monitor::ConnectionPage::NAME),
        Route::new(monitor::KICK, "kick", Access::Operator, proto!(kick, request))
            .messages(monitor::Kick::NAME, ""),
        Route::new(monitor::DEBUG, "debug", Access::Operator, proto!(debug, request))
            .messages(monitor::Debug::NAME, ""),
    ]
}

/// The figures of a server, summed over its workers, each at the moment when it was asked.
fn stats<S: Monitored>(
    state: &mut S,
    message: monitor::StatsOf,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let others = match Place::of(state, &message.node) {
        Place::Here => {
            let ticket = context.defer(request);
            context.effects().survey_all(look_at_stats(move |stats| ticket.reply_message(&stats)));
            return Outcome::Done;
        }
        Place::Unknown => return Outcome::Refuse(ErrorId::NOT_ALLOWED),
        Place::At(others) => others,
    };
    let ticket = context.defer(request);
    let missing = monitor::Stats { missing_nodes: vec![message.node.clone()], ..monitor::Stats::default() };
    let asked = monitor::StatsOf::default();
    forward(&*others, &message.node, monitor::STATS, &asked, ticket, Some(missing.encode_to_vec()));
    Outcome::Done
}

/// Looks at the workers one after the other, and sums their figures up for `done`.
pub(crate) fn look_at_stats(
    done: impl FnOnce(monitor::Stats) + Send + 'static,
) -> impl FnMut(&Survey<'_>) + Send + 'static {
    let (mut done, mut stats) = (Some(done), monitor::Stats::default());
    move |survey| {
        let totals = survey.totals();
        stats.connections += totals.accepted.saturating_sub(totals.closed);
        stats.accepted += totals.accepted;
        stats.closed += totals.closed;
        stats.packets_received += totals.packets_received;
        stats.packets_sent += totals.packets_sent;
        stats.send_errors += totals.send_errors;
        stats.bad_requests += totals.bad_requests;
        stats.uptime_ms = survey.now().as_ms();
        if let Some(done) = done.take_if(|_| survey.is_last()) {
            done(std::mem::take(&mut stats));
        }
    }
}

/// One page of the list of connections, which goes by server, then by worker, and then by slot.
fn connections<S: Monitored>(
    state: &mut S,
    message: monitor::Connections,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let (others, space) = (state.others(), Space::of(context));
    let ticket = context.defer(request);
    match others {
        Some(others) if message.all_nodes => {
            let own = look_by(state.worker().clone());
            list_all(own, others, &message, space, Box::new(|page| answer_with(ticket, page)));
        }
        others => {
            let name = others.map(|others| others.own_name()).unwrap_or_default();
            context.effects().survey_all(look_at_page(name, &message, space, |page| {
                answer_with(ticket, page);
            }));
        }
    }
    Outcome::Done
}

/// Answers with a page. ErrorID 6 if not even its first connection fits.
fn answer_with(ticket: Ticket, page: Option<monitor::ConnectionPage>) {
    match page {
        Some(page) => ticket.reply_message(&page),
        None => ticket.refuse(ErrorId::NOT_AVAILABLE),
    }
}

/// Closes a connection with 4010. An operator's own gets the reply first.
fn kick<S: Monitored>(
    state: &mut S,
    message: monitor::Kick,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let place = Place::of(state, &message.node);
    let id = ConnectionId::from_u64(message.id);
    if id == context.id() && matches!(place, Place::Here) {
        Operator::of(context.record()).log("kick", context.record());
        context.effects().kick(id);
        return context.reply(&[]);
    }
    let there = monitor::Kick { node: String::new(), ..message.clone() };
    let asked = Asked { place, node: message.node, cmd: monitor::KICK, message: there };
    act_on(state, asked, Act::Kick, id, request, context)
}

/// Switches the log of each packet of a connection.
fn debug<S: Monitored>(
    state: &mut S,
    message: monitor::Debug,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    let (place, id) = (Place::of(state, &message.node), ConnectionId::from_u64(message.id));
    let act = Act::Debug(message.on);
    let there = monitor::Debug { node: String::new(), ..message.clone() };
    let asked = Asked { place, node: message.node, cmd: monitor::DEBUG, message: there };
    act_on(state, asked, act, id, request, context)
}

/// What an operator does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Kick,
    /// Switches its debug on or off.
    Debug(bool),
}

impl Act {
    /// What the log calls it.
    fn name(self) -> &'static str {
        match self {
            Act::Kick => "kick",
            Act::Debug(true) => "debug on",
            Act::Debug(false) => "debug off",
        }
    }
}

/// Where a request is to be worked off, and what to ask another server for.
struct Asked<M> {
    place: Place,
    node: String,
    cmd: u16,
    message: M,
}

/// Acts on a connection, on its own server and worker, and answers the request: empty Data, ErrorID 4 if the
/// connection has ended, or 6 if the server or the worker cannot be reached.
fn act_on<S: Monitored>(
    state: &S,
    asked: Asked<impl Message>,
    act: Act,
    id: ConnectionId,
    request: Request<'_>,
    context: &mut Context<'_, S::Session>,
) -> Outcome {
    match &asked.place {
        Place::Unknown => return Outcome::Refuse(ErrorId::NOT_ALLOWED),
        Place::Here if id.worker() >= state.worker().count() => {
            return Outcome::Refuse(ErrorId::NOT_ALLOWED);
        }
        Place::Here | Place::At(_) => {}
    }
    let operator = Operator::of(context.record());
    let ticket = context.defer(request);
    if let Place::At(others) = &asked.place {
        let node = asked.node.clone();
        let answer = move |answered: Answered| {
            match &answered {
                Some(Ok(_)) => operator.log_elsewhere(act.name(), id.to_u64(), &node),
                // That server's log says whether it was done.
                None => operator.log_elsewhere(&format!("{} unanswered", act.name()), id.to_u64(), &node),
                Some(Err(_)) => {}
            }
            pass_on(answered, ticket, None);
        };
        others.ask(&asked.node, asked.cmd, asked.message.encode_to_vec(), Box::new(answer));
        return Outcome::Done;
    }
    let done = move |was_found: bool| match was_found {
        true => ticket.reply([]),
        false => ticket.refuse(ErrorId::NOT_ALLOWED),
    };
    if id.worker() == state.worker().index() {
        look_and_act(context.effects(), act, id, operator, done);
    } else {
        // If the call fails the ticket is dropped with it, which refuses the request.
        let call = move |_: &mut S, effects: &mut Effects| look_and_act(effects, act, id, operator, done);
        let _ = state.worker().call(id.worker(), call);
    }
    Outcome::Done
}

/// Acts on a connection of this worker, and logs that. `done` is told whether there is such a connection. The
/// effects run right after the survey, and find the connection as the survey found it.
pub(crate) fn look_and_act(
    effects: &mut Effects,
    act: Act,
    id: ConnectionId,
    operator: Operator,
    done: impl FnOnce(bool) + Send + 'static,
) {
    effects.survey(move |survey| {
        let found = survey.get(id);
        if let Some(snapshot) = &found {
            operator.log(act.name(), &snapshot.record);
        }
        done(found.is_some());
    });
    match act {
        Act::Kick => effects.kick(id),
        Act::Debug(on) => effects.set_debug(id, on),
    }
}
