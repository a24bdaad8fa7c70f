//! The other servers, as the monitor asks them.

use std::sync::Arc;

use sysconn::packet::ErrorId;
use sysconn_cluster::{NodeName, REQUEST_TIMEOUT, What};

use super::Cluster;
use crate::messages::monitor;
use crate::modules::monitor::{Answered, Others};

/// The other servers of a cluster.
struct OtherServers(Arc<Cluster>);

impl Cluster {
    /// The other servers, for the monitor.
    pub(crate) fn others(self: &Arc<Self>) -> Arc<dyn Others> {
        Arc::new(OtherServers(self.clone()))
    }
}

impl Others for OtherServers {
    fn own_name(&self) -> String {
        self.0.own_name().to_owned()
    }

    fn names(&self) -> Vec<String> {
        self.0.node.nodes().iter().map(NodeName::to_string).collect()
    }

    fn ask(&self, node: &str, cmd: u16, data: Vec<u8>, done: Box<dyn FnOnce(Answered) + Send>) {
        let what = match cmd {
            monitor::STATS => What::Stats,
            monitor::CONNECTIONS => What::List,
            monitor::KICK => What::Kick,
            monitor::DEBUG => What::Debug,
            _ => return done(None),
        };
        let Ok(node) = NodeName::new(node) else { return done(None) };
        self.0.node.request(&node, what, data, REQUEST_TIMEOUT, |answer| {
            done(answer.map(|answer| answer.map(|body| body.to_vec()).map_err(ErrorId)));
        });
    }
}
