//! The options of a cluster, and the check that they go together.

use std::net::IpAddr;
use std::path::PathBuf;

use super::load::Given;
use super::{Exit, Mode, Options, escape, last, refuse};

/// The default of `--cluster-id`.
const ID: &str = "sysconn";

/// How a server is one of several machines that serve one game.
#[derive(Clone, Debug)]
pub(crate) struct ClusterOptions {
    /// The URLs of the NATS servers. Empty: the server is alone.
    pub(crate) servers: Vec<String>,
    /// The server's own name. There is one if there are `servers`.
    pub(crate) node: Option<String>,
    /// The name of the cluster.
    pub(crate) id: String,
    /// The file of the certificates that NATS servers may have.
    pub(crate) ca: Option<PathBuf>,
    /// The file of the certificate chain that NATS servers are shown. With it there is `key`, and without it
    /// there is not.
    pub(crate) cert: Option<PathBuf>,
    /// The file of its private key.
    pub(crate) key: Option<PathBuf>,
    /// The file of what to log in at the NATS servers with.
    pub(crate) credentials: Option<PathBuf>,
    /// Whether NATS servers on other machines may be used without TLS or without credentials.
    pub(crate) is_insecure: bool,
    /// Whether logins are refused while no NATS server can be used.
    pub(crate) is_required: bool,
    /// Whether the server is not ready then.
    pub(crate) is_for_ready: bool,
    /// The server whose store has the accounts and the used tokens.
    pub(crate) accounts_node: Option<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions {
            servers: vec![],
            node: None,
            id: ID.to_owned(),
            ca: None,
            cert: None,
            key: None,
            credentials: None,
            is_insecure: false,
            is_required: false,
            is_for_ready: false,
            accounts_node: None,
        }
    }
}

impl ClusterOptions {
    /// Whether there are other machines.
    pub(crate) fn is_on(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Whether all that goes to a NATS server is encrypted.
    fn has_tls(&self, server: &str) -> bool {
        server.starts_with("tls://") || self.ca.is_some() || self.cert.is_some()
    }

    /// The first NATS server on another machine that anybody on the way could read or pretend to be.
    fn insecure_server(&self) -> Option<&String> {
        let is_secure = |server: &str| self.has_tls(server) && self.credentials.is_some();
        self.servers.iter().find(|server| !is_loopback(server) && !is_secure(server) && !self.is_insecure)
    }

    /// The options that only mean something in a cluster, each with its value if it was given.
    fn of_clusters(&self) -> [(&'static str, Option<String>); 9] {
        let file = |path: &Option<PathBuf>| path.as_ref().map(escape::quoted);
        let name = |name: &Option<String>| name.as_ref().map(escape::quoted);
        let switch = |is_on: bool| is_on.then(|| true.to_string());
        [
            ("node", name(&self.node)),
            ("cluster-id", (self.id != ID).then(|| escape::quoted(&self.id))),
            ("cluster-ca", file(&self.ca)),
            ("cluster-cert", file(&self.cert)),
            ("cluster-credentials", file(&self.credentials)),
            ("cluster-insecure", switch(self.is_insecure)),
            ("cluster-required", switch(self.is_required)),
            ("cluster-ready", switch(self.is_for_ready)),
            ("accounts-node", name(&self.accounts_node)),
        ]
    }
}

impl Options {
    /// Checks that the options of a cluster go together.
    pub(super) fn check_cluster(&self, given: &[&Given]) -> Vec<Exit> {
        let cluster = &self.cluster;
        let refuse_one = |name: &str, expected: &str, value: String| {
            let flag = format!("--{name}");
            let origin = last(given, name).map_or(&flag, |given| &given.origin);
            refuse(origin, expected, &value)
        };
        let mut problems = vec![];
        match (&cluster.cert, &cluster.key) {
            (Some(cert), None) => problems.push(refuse_one(
                "cluster-cert",
                "--cluster-key beside it, the file of its private key",
                escape::quoted(cert),
            )),
            (None, Some(key)) => problems.push(refuse_one(
                "cluster-key",
                "--cluster-cert beside it, which the key is of",
                escape::quoted(key),
            )),
            _ => {}
        }
        let Some(first) = cluster.servers.first() else {
            let given = cluster.of_clusters().into_iter().filter_map(|(name, value)| Some((name, value?)));
            problems.extend(given.map(|(name, value)| refuse_one(name, "--cluster beside it", value)));
            return problems;
        };
        if cluster.node.is_none() {
            let expected = "--node beside it, the name of this server in the cluster";
            problems.push(refuse_one("cluster", expected, escape::quoted(first)));
        }
        if let Some(server) = cluster.insecure_server() {
            let missing = match (cluster.has_tls(server), cluster.credentials.is_some()) {
                (true, _) => "--cluster-credentials",
                (false, true) => "TLS (tls://, --cluster-ca or --cluster-cert)",
                (false, false) => "TLS (tls://, --cluster-ca or --cluster-cert) and --cluster-credentials",
            };
            let expected =
                format!("a loopback address, or {missing} beside it, or --cluster-insecure to do without");
            problems.push(refuse_one("cluster", &expected, escape::quoted(server)));
        }
        if cluster.accounts_node.is_none() {
            let needs = "--accounts-node beside it in a cluster, the one server that keeps it";
            if let Some(appid) = &self.wechat_appid {
                problems.push(refuse_one("wechat-appid", needs, escape::quoted(appid)));
            }
            if self.auth.denies_replay {
                problems.push(refuse_one(
                    "login-replay",
                    &format!("allow, or {needs}"),
                    escape::quoted("deny"),
                ));
            }
        }
        problems
    }

    /// The options of the cluster, if the server is in one.
    pub(crate) fn cluster(&self) -> Option<&ClusterOptions> {
        Some(&self.cluster).filter(|cluster| self.mode == Mode::Serve && cluster.is_on())
    }

    /// A line for the log about an option that has no effect without the admin server.
    pub(crate) fn cluster_warning(&self) -> Option<String> {
        (self.cluster.is_for_ready && self.admin.listen.is_none())
            .then(|| "--cluster-ready has no effect without --admin".to_owned())
    }
}

/// Whether the host of a URL is this machine.
fn is_loopback(server: &str) -> bool {
    let authority = server.split_once("://").map_or(server, |(_, authority)| authority);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}
