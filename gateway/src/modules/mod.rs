//! The modules that `serve` brings, and the state that their handlers share.

mod account;
mod blacklist;
mod echo;
#[cfg(test)]
mod late_entries;
pub(crate) mod monitor;
mod room;

use std::sync::Arc;

use sysconn::packet::Undecodable;
use sysconn::upgrade::{self, Refusal};
use sysconn::{Application, Context, Effects, Message, Module, Outcome, Peer, Record, Route, Router, Worker};

use crate::auth::Auth;
use crate::blacklist::Blacklist;
use crate::cluster::{Cluster, Keeper};
use crate::delay::Delay;
use crate::http::is_local_origin;
use crate::wechat::Wechat;
pub(crate) use account::kind_of;

/// The state of one worker of `serve`.
pub(crate) struct Gateway {
    worker: Worker<Gateway>,
    delay: Arc<Delay>,
    auth: Arc<Auth>,
    blacklist: Arc<Blacklist>,
    keeper: Keeper,
    /// The exchange of WeChat codes, if there is one.
    wechat: Option<Arc<Wechat>>,
    /// The other servers, if there are any.
    cluster: Option<Arc<Cluster>>,
    /// Whether connections begin with debug on.
    logs_packets: bool,
    /// Whether pages of other machines are refused.
    only_local_pages: bool,
}

impl Gateway {
    pub(crate) fn new(
        worker: Worker<Gateway>,
        delay: Arc<Delay>,
        auth: Arc<Auth>,
        blacklist: Arc<Blacklist>,
        keeper: Keeper,
        wechat: Option<Arc<Wechat>>,
    ) -> Self {
        Gateway {
            worker,
            delay,
            auth,
            blacklist,
            keeper,
            wechat,
            cluster: None,
            logs_packets: false,
            only_local_pages: false,
        }
    }

    /// The other servers, with which it shares roles and rooms.
    pub(crate) fn with_cluster(mut self, cluster: Option<Arc<Cluster>>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Whether every packet is logged, and not only those of connections under debug (command 9004).
    pub(crate) fn with_packets_logged(mut self, logs_packets: bool) -> Self {
        self.logs_packets = logs_packets;
        self
    }

    /// Whether a browser may connect for pages of this machine only. Clients that name no origin may.
    pub(crate) fn with_only_local_pages(mut self, only_local_pages: bool) -> Self {
        self.only_local_pages = only_local_pages;
        self
    }
}

impl Application for Gateway {
    type Session = ();

    /// Refuses clients whose address is on the black list, and pages of the web if only local ones may
    /// connect.
    fn upgrade(&mut self, request: &upgrade::Request<'_>, peer: Peer) -> Result<(), Refusal> {
        if self.only_local_pages && !request.origin().is_none_or(is_local_origin) {
            return Err(Refusal::Forbidden);
        }
        if self.blacklist.bars(peer) { Err(Refusal::Application(403)) } else { Ok(()) }
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        if self.logs_packets {
            let id = context.id();
            context.effects().set_debug(id, true);
        }
    }

    /// Puts the offender on the black list: who acts for another account, and not that account.
    fn offence(&mut self, record: &Record, _: &mut (), _: Undecodable) {
        let account = record.identity().map(|identity| identity.account);
        let custodian = record.custodian().map(|custodian| custodian.account.as_str());
        self.blacklist.offence(record.peer(), custodian.or(account));
    }

    /// The connection is about to close, and leaves its rooms now: no member should see the role twice.
    fn replaced(&mut self, record: &Record, (): &mut (), effects: &mut Effects) {
        effects.unsubscribe_all(record.id());
    }
}

impl monitor::Monitored for Gateway {
    fn worker(&self) -> &Worker<Self> {
        &self.worker
    }

    fn others(&self) -> Option<Arc<dyn monitor::Others>> {
        self.cluster.as_ref().map(Cluster::others)
    }
}

static ACCOUNT: Module<Gateway> = Module::new(10, "account", account::ROUTES);
static ECHO: Module<Gateway> = Module::new(11, "echo", echo::ROUTES);
static ECHO_WITH_DIAGNOSTICS: Module<Gateway> = Module::new(11, "echo", echo::ROUTES_WITH_DIAGNOSTICS);
static ROOM: Module<Gateway> = Module::new(12, "room", room::ROUTES);
static MONITOR: Module<Gateway> = Module::new(90, "monitor", monitor_routes());

/// The routes of module 90: those that any game can have, and the black list.
const fn monitor_routes() -> [Route<Gateway>; 5] {
    let [stats, connections, kick, debug] = monitor::routes();
    [stats, connections, kick, debug, blacklist::ROUTE]
}

static ROUTES: Router<Gateway> = Router::new([&ACCOUNT, &ECHO, &ROOM, &MONITOR]);
static ROUTES_WITH_DIAGNOSTICS: Router<Gateway> =
    Router::new([&ACCOUNT, &ECHO_WITH_DIAGNOSTICS, &ROOM, &MONITOR]);

/// The routes of `serve`, with or without the command that panics.
pub(crate) fn routes(diagnostics: bool) -> &'static Router<Gateway> {
    if diagnostics { &ROUTES_WITH_DIAGNOSTICS } else { &ROUTES }
}

/// The state of `echo`: none.
pub(crate) struct Echo;

impl Application for Echo {
    type Session = ();
}

/// Sends a message back as it came.
pub(crate) fn echo_message(_: &mut Echo, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    // An empty outbox takes any message that is let in. A client that does not read overflows it, and the
    // overflow policy decides what happens then.
    let _ = context.send_message(message.kind, message.payload);
    Outcome::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of docs/clients.md begins "| 1002 `account.login` | anyone |".
    #[test]
    fn every_command_has_its_row() {
        let page = include_str!("../../../docs/clients.md");
        let (_, table) = page.split_once("| Command | Who |").unwrap_or_default();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let said: Vec<Vec<_>> =
            rows.map(|row| row.split('|').skip(1).take(2).map(str::trim).collect()).collect();
        let listed = routes(true).routes().map(|route| {
            vec![format!("{} `{}.{}`", route.cmd, route.module, route.name), route.access.to_owned()]
        });
        assert_eq!(said, listed.collect::<Vec<_>>());
    }

    /// The JavaScript client takes its commands from this file. `SYSCONN_WRITE=1` writes it.
    #[test]
    fn the_javascript_client_has_the_routes() -> std::io::Result<()> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/js/routes.json");
        let json = routes(true).routes_json();
        if std::env::var_os("SYSCONN_WRITE").is_some() {
            std::fs::write(path, &json)?;
        }
        assert_eq!(std::fs::read_to_string(path)?, json, "SYSCONN_WRITE=1 writes {path}");
        Ok(())
    }
}
