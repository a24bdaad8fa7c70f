//! Joins a cluster, as the options say.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sysconn_cluster::nats::{Credentials, NatsConfig};
use sysconn_cluster::{Cluster as Node, Config, Join, NodeName, Stamp};

use super::host::Game;
use super::{Cluster, Keeper};
use crate::blacklist::Blacklist;
use crate::client::read_roots;
use crate::options::{ClusterOptions, of_option, read, shown, warn_if_public};
use crate::store::Store;
use crate::tls::{TlsFiles, first};

/// How long the start waits for a NATS server. Without one the server goes on alone.
const MAX_JOIN: Duration = Duration::from_secs(3);

/// Checks the files that the options name, as far as that is possible without a connection: a line for each
/// that cannot be used.
pub(crate) fn check(options: &ClusterOptions) -> Vec<String> {
    nats(options).err().unwrap_or_default()
}

/// How NATS is reached. The errors are lines that say which options cannot be used.
fn nats(options: &ClusterOptions) -> Result<NatsConfig, Vec<String>> {
    let mut problems = certificate_problems(options);
    let credentials = options.credentials.as_deref().map(credentials).transpose();
    let config = NatsConfig {
        servers: options.servers.clone(),
        ca: options.ca.clone(),
        cert: options.cert.clone(),
        key: options.key.clone(),
        credentials: credentials.unwrap_or_else(|line| {
            problems.push(line);
            None
        }),
        ..NatsConfig::default()
    };
    problems.extend(config.check().err().map(|error| format!("--cluster: {error}")));
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// What is wrong with the files of certificates and keys. They are read again for each connection.
fn certificate_problems(options: &ClusterOptions) -> Vec<String> {
    let mut problems = vec![];
    for (name, file) in [("ca", &options.ca), ("cert", &options.cert), ("key", &options.key)] {
        if let Some(file) = file {
            let mut fail = |why: &str| problems.push(format!("--cluster-{name}: {}: {why}", shown(file)));
            match std::fs::metadata(file) {
                Ok(metadata) if metadata.is_file() => {}
                Ok(_) => fail("expected a regular file: it is read for each connection"),
                Err(error) => fail(&format!("cannot be read: {error}")),
            }
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    problems.extend(options.ca.as_deref().and_then(|ca| read_roots(ca).err()).map(of_option("cluster-ca")));
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        match TlsFiles::of_cluster(cert.clone(), key.clone()).check() {
            Ok(()) => warn_if_public(key, "the key"),
            Err(lines) => problems.extend(lines),
        }
    }
    problems
}

/// The user and password, or the nkey, in a file.
fn credentials(file: &Path) -> Result<Credentials, String> {
    let fail = |why: String| format!("--cluster-credentials: {}: {why}", shown(file));
    let bytes = read(file).map_err(|error| fail(format!("cannot be read: {error}")))?;
    let text = str::from_utf8(&bytes).map_err(|_| fail("is not UTF-8".to_owned()))?;
    let credentials = Credentials::parse(text).map_err(|error| fail(error.to_string()))?;
    warn_if_public(file, "the credentials");
    Ok(credentials)
}

impl Cluster {
    /// Starts the cluster's thread, and waits until the server's name is known to be free, or 3 s if no NATS
    /// server can be reached.
    ///
    /// # Errors
    /// One line that says which option cannot be used.
    pub(crate) fn join(
        options: &ClusterOptions,
        workers: usize,
        store: Arc<Store>,
        blacklist: &Arc<Blacklist>,
    ) -> Result<Arc<Self>, String> {
        let nats = nats(options).map_err(first)?;
        let name = |option: &str, text: &str| {
            NodeName::new(text)
                .map_err(|_| format!("--{option}: a name is 1 to 32 characters of a to z, 0 to 9 and -"))
        };
        let own_name = name("node", options.node.as_deref().unwrap_or_default())?;
        let cluster = name("cluster-id", &options.id)?;
        let accounts =
            options.accounts_node.as_deref().map(|text| name("accounts-node", text)).transpose()?;
        let server = Arc::new(OnceLock::new());
        let game = Game {
            name: own_name.to_string(),
            server: server.clone(),
            workers,
            keeper: (accounts.as_ref() == Some(&own_name)).then(|| Keeper::Here(store)),
            blacklist: blacklist.clone(),
        };
        let (registers, cleared) = blacklist.registers()?;
        let config = Config {
            names: sysconn_cluster::Names { cluster, node: own_name.clone() },
            blacklist: registers.iter().filter_map(super::blacklist::record).collect(),
            cleared: cleared.and_then(|bytes| Stamp::from_bytes(&bytes)),
        };
        let node = Node::start(config, nats, Arc::new(game)).map_err(|error| error.to_string())?;
        match node.join(MAX_JOIN) {
            Join::Free => log::info!("the server is {own_name} in the cluster {}", options.id),
            Join::NotConnected => {
                log::warn!("no NATS server can be used: the server is alone until one can")
            }
            Join::Taken => return Err(format!("--node: another server of the cluster is called {own_name}")),
        }
        blacklist.share(Arc::new(super::blacklist::Shared(node.clone())));
        Ok(Arc::new(Cluster {
            node,
            server,
            accounts_node: accounts,
            is_required: options.is_required,
            is_for_ready: options.is_for_ready,
        }))
    }
}
