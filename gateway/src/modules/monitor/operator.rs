//! Operators, in the log: who has done what to whom.

use log::Level;
use log::kv::{Source, Value};
use sysconn::{ConnectionId, Record, log_line};

/// The operator that acts.
pub(crate) enum Operator {
    /// A client of this server.
    Here { id: ConnectionId, account: String, role_id: u64 },
    /// Another server of the cluster, whose log says who it was.
    #[allow(dead_code, reason = "a server without a cluster has no others")]
    Elsewhere { node: String },
}

impl Operator {
    pub(crate) fn of(record: &Record) -> Self {
        let identity = record.identity().unwrap_or_default();
        let (account, role_id) = (identity.account.to_owned(), identity.role_id);
        Operator::Here { id: record.id(), account, role_id }
    }

    /// Logs an action on a connection.
    pub(super) fn log(&self, act: &str, whom: &Record) {
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

    /// Logs an action on a connection of another server, whose log says who that is.
    pub(super) fn log_elsewhere(&self, act: &str, id: u64, node: &str) {
        self.log_fields(act, &[Some(("id", Value::from_display(&id))), Some(("node", Value::from(node)))]);
    }

    /// Logs an action with its fields, and who did it. The log limiter never drops this line.
    pub(crate) fn log_fields(&self, act: &str, fields: &[Option<(&str, Value<'_>)>]) {
        match self {
            Operator::Here { id, account, role_id } => {
                let who = [
                    ("operator_id", Value::from_display(id)),
                    ("operator_account", Value::from(account.as_str())),
                    ("operator_role_id", Value::from_display(role_id)),
                ];
                log_line::write(Level::Info, act, &[&fields as &dyn Source, &who]);
            }
            Operator::Elsewhere { node } => {
                let who = [("operator_node", Value::from(node.as_str()))];
                log_line::write(Level::Info, act, &[&fields as &dyn Source, &who]);
            }
        }
    }
}
