//! What the API asks of other servers of a cluster: figures, a page of all connections, and acts.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use sysconn::{ConnectionId, ServerHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::error::Refusal;
use super::query::Query;
use crate::cluster::Cluster;
use crate::messages::{Connection, monitor};
use crate::modules::kind_of;
use crate::modules::monitor::{Answered, Others, Space, list_all};

/// Connections in a page by default, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;
/// Requests that wait for other servers at one time: so many that show something, and so many that act. A
/// server that hangs holds each of them for seconds.
const MAX_ELSEWHERE: usize = 6;
/// The longest time that a page waits for the servers: its own can hang too, and has no deadline of its own.
const DEADLINE: Duration = Duration::from_secs(5);

/// The other servers, if there are any, and this one.
pub(super) struct Nodes {
    server: ServerHandle,
    cluster: Option<Arc<Cluster>>,
    shows: Arc<Semaphore>,
    acts: Arc<Semaphore>,
}

impl Nodes {
    pub(super) fn new(server: ServerHandle, cluster: Option<Arc<Cluster>>) -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Nodes { server, cluster, shows: of(MAX_ELSEWHERE), acts: of(MAX_ELSEWHERE) }
    }

    fn others(&self) -> Option<Arc<dyn Others>> {
        self.cluster.as_ref().map(Cluster::others)
    }

    /// The name of this server. None: it is in no cluster.
    pub(super) fn own_name(&self) -> Option<String> {
        self.others().map(|others| others.own_name())
    }

    /// The names of the other servers that are known.
    pub(super) fn names(&self) -> Vec<String> {
        self.others().map(|others| others.names()).unwrap_or_default()
    }

    /// A page of the connections of all servers, if the query asks for that and there are others.
    pub(super) async fn connections(&self, query: &str) -> Option<Result<String, Refusal>> {
        let query = Query::parse(query, &["offset", "limit", "sort", "search", "all_nodes"], "").ok()?;
        query.text("all_nodes").filter(|all| *all == "true")?;
        let others = self.others()?;
        if ["sort", "search"].iter().any(|name| query.text(name).is_some_and(|text| !text.is_empty())) {
            return Some(Err(Refusal::Bad("sort, search: expected none beside all_nodes".to_owned())));
        }
        Some(self.page(others, &query).await)
    }

    async fn page(&self, others: Arc<dyn Others>, query: &Query) -> Result<String, Refusal> {
        let offset = query.number("offset", 0, (0, u32::MAX as usize)).map_err(Refusal::Bad)?;
        let limit = query.number("limit", PAGE, (1, MAX_PAGE)).map_err(Refusal::Bad)?;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let asked = monitor::Connections { offset: number(offset), limit: number(limit), all_nodes: true };
        let server = self.server.clone();
        let own = Arc::new(move |look| {
            // If the mailbox is full the look is dropped, and this server is missing.
            let _ = server.survey_all(look);
        });
        // What is called at the end holds it: also while a worker has still to look, and nobody waits for it.
        let held = take(&self.shows)?;
        let (sender, receiver) = oneshot::channel();
        let done = move |page| {
            drop(held);
            let _ = sender.send(page);
        };
        list_all(own, others, &asked, Space::of_answer(), Box::new(done));
        let page: Option<monitor::ConnectionPage> =
            timeout(DEADLINE, receiver).await.ok().and_then(Result::ok).flatten();
        let page = page.ok_or(Refusal::Late)?;
        let shown: Vec<_> = page.connection.iter().map(describe).collect();
        let page = json!({
            "total": page.total,
            "matching": page.total,
            "offset": offset,
            "connections": shown,
            "missing_nodes": page.missing_nodes,
        });
        Ok(page.to_string())
    }

    /// Whether a request is for another server. An empty name is that of this one.
    ///
    /// # Errors
    /// No server has this name.
    pub(super) fn is_elsewhere(&self, node: &str) -> Result<bool, Refusal> {
        if node.is_empty() || self.own_name().is_some_and(|own| own == node) {
            return Ok(false);
        }
        let is_known = self.names().iter().any(|name| name == node);
        if is_known { Ok(true) } else { Err(Refusal::NotFound("no server of the cluster has this name")) }
    }

    /// Has another server act on one of its connections, as commands 9003 and 9004 do. `tell` is told what
    /// came of it, also if nobody waits for the result any more.
    pub(super) async fn act(
        &self,
        node: &str,
        cmd: u16,
        message: &impl Message,
        tell: impl FnOnce(&Answered) + Send + 'static,
    ) -> Result<Value, Refusal> {
        match self.ask(take(&self.acts)?, node, cmd, message, tell).await? {
            Some(Ok(_)) => Ok(json!({ "ok": true })),
            Some(Err(_)) => Err(Refusal::NotFound("no connection has this id")),
            None => Err(Refusal::Unavailable(format!("{node} did not answer"))),
        }
    }

    /// The figures of another server, as command 9001 does. One that does not answer is missing.
    pub(super) async fn stats(&self, node: &str) -> Result<Value, Refusal> {
        let place = take(&self.shows)?;
        let answered = self.ask(place, node, monitor::STATS, &monitor::StatsOf::default(), |_| {}).await?;
        let stats = answered.and_then(|answered| monitor::Stats::decode(answered.ok()?.as_slice()).ok());
        let Some(stats) = stats else { return Ok(json!({ "node": node, "missing_nodes": [node] })) };
        Ok(json!({
            "node": node,
            "missing_nodes": [],
            "uptime_s": stats.uptime_ms as f64 / 1e3,
            "clients": { "total": stats.connections },
            "totals": {
                "accepted": stats.accepted,
                "closed": stats.closed,
                "packets_received": stats.packets_received,
                "packets_sent": stats.packets_sent,
                "bad_requests": stats.bad_requests,
                "send_errors": stats.send_errors,
            },
        }))
    }

    async fn ask(
        &self,
        held: OwnedSemaphorePermit,
        node: &str,
        cmd: u16,
        message: &impl Message,
        tell: impl FnOnce(&Answered) + Send + 'static,
    ) -> Result<Answered, Refusal> {
        let others = self.others().ok_or(Refusal::NotFound("this server is in no cluster"))?;
        let (sender, receiver) = oneshot::channel();
        let done = move |answered| {
            tell(&answered);
            drop(held);
            let _ = sender.send(answered);
        };
        others.ask(node, cmd, message.encode_to_vec(), Box::new(done));
        Ok(receiver.await.unwrap_or_default())
    }
}

/// The right to wait for other servers.
fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    places.clone().try_acquire_owned().map_err(|_| Refusal::Busy)
}

/// What another server says of a connection. What it does not say is null.
fn describe(one: &Connection) -> Value {
    json!({
        "node": one.node,
        "id": one.id.to_string(),
        "worker": ConnectionId::from_u64(one.id).worker(),
        "peer": one.peer,
        "kind": kind_of(one.kind()).label(),
        "account": one.account,
        "platform": one.platform,
        "zone_id": one.zone_id,
        "role_id": one.role_id.to_string(),
        "custodian": one.custodian,
        "custodian_role_id": one.custodian_role_id.to_string(),
        "connected_ms": one.connected_ms.to_string(),
        "recv_count": one.recv_count,
        "send_count": one.send_count,
        "bytes_received": null,
        "bytes_sent": null,
        "error_send": one.error_send,
        "bad_req_count": one.bad_req_count,
        "last_cmd": null,
        "loop_counter": one.loop_counter,
        "outbox_bytes": one.outbox_bytes,
        "debug": one.debug,
    })
}
