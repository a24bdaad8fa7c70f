//! `GET /api/connections`: a page of all connections, sorted and searched if asked for.
//!
//! Workers show their connections a part at a time, between two calls of their handlers, so that no client
//! waits for it. So the pages of a busy server are not of one moment.

use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::{Value, json};
use sysconn::{ConnectionId, Peer, Snapshot, Survey};

use super::error::Refusal;
use super::helpers::{Helpers, Lane, Look};
use super::query::Query;

/// Connections in a page by default, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;
/// The last connection that a page can reach where all have to be looked at.
const MAX_SORTED: usize = 10_000;
/// Connections that a worker shows at once.
const PART: usize = 500;

/// What is shown of a connection.
#[derive(Debug)]
struct Row {
    snapshot: Snapshot,
    connected_ms: u64,
}

/// Where a part begins, on a worker.
#[derive(Clone, Copy, Debug)]
enum From {
    Offset(usize),
    /// After the last one of the part before. Its offset would cost the worker more with each part.
    After(ConnectionId),
}

/// A value to sort by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Number(u64),
    Text(&'a str),
    /// None for a Unix socket.
    Address(Option<(IpAddr, u16)>),
}

/// What a page is of.
#[derive(Debug)]
struct Wanted {
    offset: usize,
    limit: usize,
    /// A column, and whether its largest values come first.
    sort: Option<(&'static Column, bool)>,
    /// In lower case.
    search: Option<String>,
}

/// A column to sort by.
struct Column {
    name: &'static str,
    key: for<'a> fn(&'a Row) -> Key<'a>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn column(name: &'static str, key: for<'a> fn(&'a Row) -> Key<'a>) -> Column {
    Column { name, key }
}

static COLUMNS: [Column; 20] = [
    column("id", |row| Key::Number(row.snapshot.record.id().to_u64())),
    column("worker", |row| Key::Number(row.snapshot.record.id().worker() as u64)),
    column("peer", |row| address(row.snapshot.record.peer())),
    column("kind", |row| Key::Text(row.snapshot.record.kind().label())),
    column("account", |row| Key::Text(row.snapshot.record.identity().map_or("", |who| who.account))),
    column("platform", |row| Key::Text(row.snapshot.record.identity().map_or("", |who| who.platform))),
    column("zone_id", |row| Key::Number(row.snapshot.record.identity().map_or(0, |who| who.zone_id.into()))),
    column("role_id", |row| Key::Number(row.snapshot.record.role_id())),
    column("custodian", |row| Key::Text(row.snapshot.record.custodian().map_or("", |who| &who.account))),
    column("connected_ms", |row| Key::Number(row.connected_ms)),
    column("recv_count", |row| Key::Number(row.snapshot.record.recv_count())),
    column("send_count", |row| Key::Number(row.snapshot.record.send_count())),
    column("bytes_received", |row| Key::Number(row.snapshot.record.bytes_received())),
    column("bytes_sent", |row| Key::Number(row.snapshot.record.bytes_sent())),
    column("error_send", |row| Key::Number(row.snapshot.record.error_send())),
    column("bad_req_count", |row| Key::Number(row.snapshot.record.bad_req_count().into())),
    column("last_cmd", |row| Key::Number(row.snapshot.record.last_cmd().into())),
    column("loop_counter", |row| Key::Number(row.snapshot.record.loop_counter().into())),
    column("outbox_bytes", |row| Key::Number(row.snapshot.outbox_bytes as u64)),
    column("debug", |row| Key::Number(row.snapshot.record.debug().into())),
];

impl Wanted {
    fn parse(query: &str) -> Result<Self, String> {
        let query = Query::parse(query, &["offset", "limit", "sort", "search", "all_nodes"], "")?;
        let sort = match query.text("sort").filter(|sort| !sort.is_empty()) {
            None => None,
            Some(sort) => {
                let (name, is_descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
                let column = COLUMNS.iter().find(|column| column.name == name);
                let names = || COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
                let column = column.ok_or_else(|| format!("sort: expected one of {}", names()))?;
                Some((column, is_descending))
            }
        };
        let search = query.text("search").filter(|search| !search.is_empty()).map(str::to_lowercase);
        let wanted = Wanted {
            offset: query.number("offset", 0, (0, u32::MAX as usize))?,
            limit: query.number("limit", PAGE, (1, MAX_PAGE))?,
            sort,
            search,
        };
        if wanted.sees_all() && wanted.end() > MAX_SORTED {
            return Err(format!("offset and limit: expected {MAX_SORTED} at most beside sort or search"));
        }
        Ok(wanted)
    }

    /// Whether all connections have to be looked at.
    fn sees_all(&self) -> bool {
        self.sort.is_some() || self.search.is_some()
    }

    fn end(&self) -> usize {
        self.offset.saturating_add(self.limit)
    }

    fn order(&self, one: &Row, other: &Row) -> Ordering {
        let by_id = || one.snapshot.record.id().to_u64().cmp(&other.snapshot.record.id().to_u64());
        match self.sort {
            None => Ordering::Equal,
            Some((column, false)) => (column.key)(one).cmp(&(column.key)(other)).then_with(by_id),
            Some((column, true)) => (column.key)(other).cmp(&(column.key)(one)).then_with(by_id),
        }
    }

    fn matches(&self, row: &Row) -> bool {
        let Some(search) = &self.search else { return true };
        let record = &row.snapshot.record;
        let identity = record.identity().unwrap_or_default();
        let has = |text: &str| text.to_lowercase().contains(search);
        has(identity.account)
            || has(identity.platform)
            || record.custodian().is_some_and(|custodian| has(&custodian.account))
            || has(&record.id().to_string())
            || has(&record.peer().to_string())
            || (record.role_id() != 0 && has(&record.role_id().to_string()))
    }
}

/// Answers with a page.
pub(super) async fn connections(helpers: &Helpers, query: &str) -> Result<String, Refusal> {
    let wanted = Wanted::parse(query).map_err(Refusal::Bad)?;
    helpers.look(Lane::Lists, |look| page(look, wanted)).await
}

async fn page(look: Look<'_>, wanted: Wanted) -> Result<String, Refusal> {
    let (mut total, mut matching) = (0, 0);
    let mut rows: Vec<Row> = Vec::new();
    // Connections to leave out before the first one that is shown, where none of them has to be looked at.
    let mut skip = if wanted.sees_all() { 0 } else { wanted.offset };
    for worker in 0..look.workers() {
        let mut from = From::Offset(skip);
        let len = loop {
            let want =
                if wanted.sees_all() { PART } else { PART.min(wanted.limit.saturating_sub(rows.len())) };
            let part = move |survey: &Survey<'_>| (survey.len(), part(survey, from, want));
            let Some((len, part)) = look.ask(worker, part, |_| {}).await? else { break 0 };
            let last = part.last().filter(|_| part.len() >= want).map(|row| row.snapshot.record.id());
            rows.extend(part.into_iter().filter(|row| wanted.matches(row)).inspect(|_| matching += 1));
            if wanted.sees_all() && rows.len() > wanted.end() + MAX_SORTED {
                keep(&mut rows, &wanted);
            }
            let Some(last) = last else { break len };
            from = From::After(last);
        };
        total += len;
        skip = skip.saturating_sub(len);
    }
    let matching = if wanted.search.is_some() { matching } else { total };
    look.block(move || Ok(show(rows, &wanted, total, matching))).await
}

/// The text of the page.
fn show(mut rows: Vec<Row>, wanted: &Wanted, total: usize, matching: usize) -> String {
    let first = if wanted.sees_all() { wanted.offset } else { 0 };
    keep(&mut rows, wanted);
    let shown: Vec<_> = rows.iter().skip(first).take(wanted.limit).map(describe).collect();
    let page = json!({ "total": total, "matching": matching, "offset": wanted.offset, "connections": shown });
    page.to_string()
}

/// Keeps what pages up to this one show.
fn keep(rows: &mut Vec<Row>, wanted: &Wanted) {
    rows.sort_by(|one, other| wanted.order(one, other));
    rows.truncate(wanted.end());
}

fn part(survey: &Survey<'_>, from: From, want: usize) -> Vec<Row> {
    let row = |snapshot: Snapshot| {
        let connected_ms = survey.unix_ms(snapshot.record.connected_at());
        Row { snapshot, connected_ms }
    };
    let page = match from {
        From::Offset(offset) => survey.page(offset, want),
        From::After(id) => survey.page_after(id, want),
    };
    page.into_iter().map(row).collect()
}

fn address(peer: Peer) -> Key<'static> {
    Key::Address(match peer {
        Peer::Ip(ip, port) => Some((ip, port)),
        Peer::Local => None,
    })
}

fn describe(row: &Row) -> Value {
    let record = &row.snapshot.record;
    let identity = record.identity().unwrap_or_default();
    let custodian = record.custodian().cloned().unwrap_or_default();
    json!({
        "id": record.id().to_string(),
        "worker": record.id().worker(),
        "peer": record.peer().to_string(),
        "kind": record.kind().label(),
        "account": identity.account,
        "platform": identity.platform,
        "zone_id": identity.zone_id,
        "role_id": identity.role_id.to_string(),
        "custodian": custodian.account,
        "custodian_role_id": custodian.role_id.to_string(),
        "connected_ms": row.connected_ms.to_string(),
        "recv_count": record.recv_count(),
        "send_count": record.send_count(),
        "bytes_received": record.bytes_received(),
        "bytes_sent": record.bytes_sent(),
        "error_send": record.error_send(),
        "bad_req_count": record.bad_req_count(),
        "last_cmd": record.last_cmd(),
        "loop_counter": record.loop_counter(),
        "outbox_bytes": row.snapshot.outbox_bytes,
        "debug": record.debug(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_is_of_has_bounds() {
        for (query, expected) in [
            ("", None),
            ("offset=4294967295&limit=1000", None),
            ("sort=-recv_count&search=A&offset=9900", None),
            ("sort=", None),
            ("limit=0", Some("limit: expected a whole number, 1 to 1000")),
            ("limit=1001", Some("limit: expected a whole number, 1 to 1000")),
            ("sort=--id", Some("sort: expected one of id, worker, peer, kind, ")),
            ("sort=id&offset=9901", Some("offset and limit: expected 10000 at most")),
            ("search=a&offset=10000", Some("offset and limit: expected 10000 at most")),
        ] {
            match (Wanted::parse(query), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => assert!(error.starts_with(expected), "{query}: {error}"),
                (result, _) => panic!("{query}: {result:?}"),
            }
        }
    }
}
