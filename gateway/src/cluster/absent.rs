//! What there is instead of a cluster in a build without one: nothing. There is no value of [`Cluster`].

use std::sync::Arc;

use sysconn::{Presence, Push, ServerHandle, Topic};

use crate::auth::{TokenUse, UsedToken};
use crate::blacklist::Blacklist;
use crate::modules::monitor::Others;
use crate::options::ClusterOptions;
use crate::store::Store;
use crate::store::accounts::AccountKey;

/// A cluster, of which there is none.
#[derive(Debug)]
pub(crate) enum Cluster {}

/// What is measured of one.
pub(crate) struct Figures {
    pub(crate) nodes: usize,
    pub(crate) is_connected: bool,
    pub(crate) queue_bytes: usize,
    pub(crate) messages: Vec<(&'static str, &'static str, u64)>,
    pub(crate) dropped: Vec<(&'static str, u64)>,
}

const ABSENT: &str = "--cluster: this program was built without the feature cluster";

/// Always a line.
pub(crate) fn check(_: &ClusterOptions) -> Vec<String> {
    vec![ABSENT.to_owned()]
}

impl Cluster {
    /// # Errors
    /// Always.
    pub(crate) fn join(
        _: &ClusterOptions,
        _: usize,
        _: Arc<Store>,
        _: &Arc<Blacklist>,
    ) -> Result<Arc<Self>, String> {
        Err(ABSENT.to_owned())
    }

    pub(crate) fn presence(&self) -> Arc<dyn Presence> {
        match *self {}
    }

    pub(crate) fn serve(&self, _: ServerHandle) {
        match *self {}
    }

    pub(crate) fn keeps_accounts_elsewhere(&self) -> bool {
        match *self {}
    }

    pub(crate) fn refuses_logins(&self) -> bool {
        match *self {}
    }

    pub(crate) fn problem(&self) -> Option<String> {
        match *self {}
    }

    pub(crate) fn publish(&self, _: &Topic, _: &Push) {
        match *self {}
    }

    pub(super) fn ask_role(&self, _: AccountKey, _: Box<dyn FnOnce(Option<u64>) + Send>) {
        match *self {}
    }

    pub(super) fn ask_token(&self, _: UsedToken, _: Box<dyn FnOnce(Option<TokenUse>) + Send>) {
        match *self {}
    }

    pub(crate) fn others(self: &Arc<Self>) -> Arc<dyn Others> {
        match **self {}
    }

    pub(crate) fn drain(&self) {
        match *self {}
    }

    pub(crate) fn good_bye(&self) {
        match *self {}
    }

    pub(crate) fn figures(&self) -> Figures {
        match *self {}
    }
}
