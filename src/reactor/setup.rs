//! The parts of a reactor that binding makes, except its poll.

use std::sync::Arc;

use super::listeners::Listeners;
use super::shared::ServerShared;
use super::sys::poller::Registry;
use crate::mailbox::Mailbox;
use crate::roles::Roles;

/// The parts of a reactor whose creation can fail.
pub(super) struct ReactorSetup {
    pub(super) worker: usize,
    pub(super) registry: Registry,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) listeners: Listeners,
    pub(super) roles: Roles,
    pub(super) shared: ServerShared,
    pub(super) began_unix_ms: u64,
}
