//! The cluster that this server is in, as the rest of the program sees it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use prost::Message;
use sysconn::{Presence, Push, ServerHandle, Topic};
use sysconn_cluster::{
    Cluster as Node, NodeName, REQUEST_TIMEOUT, RoleIdAnswer, RoleIdRequest, UsedTokenAnswer,
    UsedTokenRequest, What,
};

use super::presence::{Reporter, topic_ref};
use crate::auth::{TokenUse, UsedToken};
use crate::store::accounts::AccountKey;

pub(crate) use sysconn_cluster::Figures;

/// The cluster that this server is in.
pub(crate) struct Cluster {
    pub(super) node: Node,
    /// The game of this server, once it listens.
    pub(super) server: Arc<OnceLock<ServerHandle>>,
    /// The server that keeps accounts and used tokens, if one does.
    pub(super) accounts_node: Option<NodeName>,
    /// Whether logins are refused while the bus is away.
    pub(super) is_required: bool,
    /// Whether the server is not ready then.
    pub(super) is_for_ready: bool,
}

impl Cluster {
    /// What is to be told of the roles and topics of this server.
    pub(crate) fn presence(&self) -> Arc<dyn Presence> {
        Arc::new(Reporter(self.node.clone()))
    }

    /// The server listens: what comes from others reaches its clients from now on.
    pub(crate) fn serve(&self, server: ServerHandle) {
        // It is called once.
        let _ = self.server.set(server);
    }

    /// Whether another server keeps accounts and used tokens.
    pub(crate) fn keeps_accounts_elsewhere(&self) -> bool {
        self.accounts_node.as_ref().is_some_and(|node| node != self.node.name())
    }

    /// Whether logins are refused now, since the bus is away.
    pub(crate) fn refuses_logins(&self) -> bool {
        self.is_required && !self.is_there()
    }

    fn is_there(&self) -> bool {
        let status = self.node.status();
        status.is_connected && status.is_up
    }

    /// Why the server is not ready, if the cluster is the reason.
    pub(crate) fn problem(&self) -> Option<String> {
        let status = self.node.status();
        if status.has_name_conflict {
            return Some(format!("another server of the cluster is called {}", self.node.name()));
        }
        if let Some(other) = status.nodes.iter().find(|other| other.is_foreign) {
            return Some(format!("{} speaks version {} of the cluster's format", other.name, other.version));
        }
        if !self.is_for_ready || (status.is_connected && status.is_up) {
            return None;
        }
        Some(match status.bus_error {
            Some(error) => format!("NATS cannot be used: {error}"),
            None if status.is_connected => "this server does not take part in the cluster yet".to_owned(),
            None => "no NATS server can be reached".to_owned(),
        })
    }

    /// Sends a push to the subscribers of a topic on other servers. One that is not sent is counted. It is
    /// also sent while no other server is known: NATS can know one whose heartbeat has not come yet.
    pub(crate) fn publish(&self, topic: &Topic, push: &Push) {
        let _ = self.node.publish(topic_ref(topic), push.cmd(), push.data());
    }

    /// Asks the server that keeps accounts for a role.
    pub(super) fn ask_role(&self, key: AccountKey, done: Box<dyn FnOnce(Option<u64>) + Send>) {
        let AccountKey { platform, account, zone_id } = key;
        let asked = RoleIdRequest { platform, account, zone_id }.encode_to_vec();
        self.ask_keeper(What::RoleId, asked, move |answer| {
            done(answer.and_then(|body| RoleIdAnswer::decode(body).ok()).map(|answer| answer.role_id));
        });
    }

    /// Asks the server that keeps used tokens whether this one was used.
    pub(super) fn ask_token(&self, token: UsedToken, done: Box<dyn FnOnce(Option<TokenUse>) + Send>) {
        let (hash, ends) = token.parts();
        let asked = UsedTokenRequest { hash: Bytes::copy_from_slice(&hash), ends }.encode_to_vec();
        self.ask_keeper(What::UsedToken, asked, move |answer| {
            let answer = answer.and_then(|body| UsedTokenAnswer::decode(body).ok());
            done(answer.and_then(|answer| TokenUse::of(answer.verdict)));
        });
    }

    fn ask_keeper(&self, what: What, body: Vec<u8>, done: impl FnOnce(Option<Bytes>) + Send + 'static) {
        let Some(keeper) = &self.accounts_node else { return done(None) };
        self.node.request(keeper, what, body, REQUEST_TIMEOUT, |answer| done(answer.and_then(Result::ok)));
    }

    /// The server begins to drain.
    pub(crate) fn drain(&self) {
        self.node.drain();
    }

    /// The server ends. It takes at most 200 ms.
    pub(crate) fn good_bye(&self) {
        self.node.good_bye();
    }

    /// What is measured.
    pub(crate) fn figures(&self) -> Figures {
        self.node.figures()
    }

    /// The name of this server.
    pub(crate) fn own_name(&self) -> &str {
        self.node.name().as_str()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(self.node.name()).finish()
    }
}
