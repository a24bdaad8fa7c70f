//! `POST /api/kick`, `/api/debug` and `/api/record`: what an operator does to one connection.

use log::kv::Value as Field;
use serde::Deserialize;
use serde_json::{Value, json};
use sysconn::{ConnectionId, Effects, Record};

use super::error::Refusal;
use super::helpers::{Helpers, Lane};
use super::log_act;
use super::nodes::Nodes;
use crate::http::Caller;
use crate::messages::monitor;
use crate::modules::monitor::Answered;

/// An act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Kick,
    Debug,
    Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kick {
    id: String,
    /// The server of the cluster that has the connection; empty: this one.
    #[serde(default)]
    node: String,
    /// When the connection began, if only that one is meant: once the server was started anew, another one
    /// can have its id.
    connected_ms: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    id: String,
    on: bool,
    #[serde(default)]
    node: String,
    connected_ms: Option<String>,
}

/// Acts on the connection that the body names, and answers once that is done.
pub(super) async fn act(
    helpers: &Helpers,
    nodes: &Nodes,
    act: Act,
    has_recordings: bool,
    body: &[u8],
    caller: Caller,
) -> Result<Value, Refusal> {
    let Switch { id, on, node, connected_ms } = match act {
        Act::Kick => {
            let Kick { id, node, connected_ms } = parse(body)?;
            Switch { id, on: false, node, connected_ms }
        }
        Act::Debug | Act::Record => parse(body)?,
    };
    if act == Act::Record && !has_recordings {
        return Err(Refusal::Unavailable("nothing can be recorded without --record".to_owned()));
    }
    let number = id.parse().map_err(|_| Refusal::Bad("id: expected the id of a connection".to_owned()))?;
    let bad_time =
        || Refusal::Bad("connected_ms: expected milliseconds, of a connection of this server".to_owned());
    let connected_ms: Option<u64> = connected_ms.map(|ms| ms.parse()).transpose().map_err(|_| bad_time())?;
    if nodes.is_elsewhere(&node)? {
        if connected_ms.is_some() {
            return Err(bad_time());
        }
        return act_elsewhere(nodes, act, number, on, &node, caller).await;
    }
    let id = ConnectionId::from_u64(number);
    let (event, effect): (_, fn(&mut Effects, ConnectionId, bool)) = match (act, on) {
        (Act::Kick, _) => ("admin kick", |effects, id, _| effects.kick(id)),
        (Act::Debug, true) => ("admin debug on", Effects::set_debug),
        (Act::Debug, false) => ("admin debug off", Effects::set_debug),
        (Act::Record, true) => ("admin record on", Effects::set_recorded),
        (Act::Record, false) => ("admin record off", Effects::set_recorded),
    };
    let unknown = || Refusal::NotFound("no connection has this id");
    let done = helpers.look(Lane::Acts, async |look| {
        if id.worker() >= look.workers() {
            return Err(unknown());
        }
        if let Some(ms) = connected_ms {
            // The id stays its own for as long as this server runs.
            let is_meant = move |survey: &sysconn::Survey<'_>| {
                survey.get(id).is_some_and(|snapshot| survey.unix_ms(snapshot.record.connected_at()) == ms)
            };
            if look.ask(id.worker(), is_meant, |_| {}).await? != Some(true) {
                return Err(unknown());
            }
        }
        let find = move |survey: &sysconn::Survey<'_>| {
            survey.get(id).map(|snapshot| tell(event, caller, &snapshot.record)).is_some()
        };
        look.ask(id.worker(), find, move |effects| effect(effects, id, on)).await
    });
    match done.await? {
        Some(true) => Ok(json!({ "ok": true })),
        Some(false) | None => Err(unknown()),
    }
}

/// Acts on a connection of another server, whose log says whose it was.
async fn act_elsewhere(
    nodes: &Nodes,
    act: Act,
    id: u64,
    on: bool,
    node: &str,
    caller: Caller,
) -> Result<Value, Refusal> {
    let event = match (act, on) {
        (Act::Kick, _) => "admin kick",
        (Act::Debug, true) => "admin debug on",
        (Act::Debug, false) => "admin debug off",
        (Act::Record, _) => {
            return Err(Refusal::Bad("node: recordings are begun and ended on their own server".to_owned()));
        }
    };
    let name = node.to_owned();
    // The client may have gone by then, and the act is done all the same.
    let tell = move |answered: &Answered| {
        let fields = [("id", Field::from_display(&id)), ("node", Field::from(name.as_str()))];
        match answered {
            Some(Ok(_)) => log_act(event, caller, &fields),
            // That server's log says whether it was done.
            None => log_act(&format!("{event} unanswered"), caller, &fields),
            Some(Err(_)) => {}
        }
    };
    match act {
        Act::Kick => {
            nodes.act(node, monitor::KICK, &monitor::Kick { id, ..monitor::Kick::default() }, tell).await
        }
        Act::Debug | Act::Record => {
            let debug = monitor::Debug { id, on, ..monitor::Debug::default() };
            nodes.act(node, monitor::DEBUG, &debug, tell).await
        }
    }
}

/// A body of JSON.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::Bad(format!("the body: {error}")))
}

/// Writes who does what to whom to the log.
fn tell(event: &str, caller: Caller, whom: &Record) {
    let (id, peer) = (whom.id(), whom.peer());
    let identity = whom.identity().unwrap_or_default();
    let custodian = whom.custodian();
    let fields = [
        Some(("id", Field::from_display(&id))),
        Some(("peer", Field::from_display(&peer))),
        Some(("account", Field::from(identity.account))),
        Some(("role_id", Field::from_display(&identity.role_id))),
        custodian.map(|custodian| ("custodian", Field::from(custodian.account.as_str()))),
    ];
    log_act(event, caller, &fields);
}
