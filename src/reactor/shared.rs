//! What the reactors of one server share.

use std::sync::Arc;

use super::admission::Admission;
use super::clock::Clock;
use crate::mailboxes::Mailboxes;
use crate::recording::Store;
use crate::roles::Roles;

/// Shared by all workers of a server.
#[derive(Clone, Debug)]
pub(super) struct ServerShared {
    pub(super) mailboxes: Mailboxes,
    pub(super) admission: Arc<Admission>,
    pub(super) roles: Roles,
    /// Where connections are recorded, if they are.
    pub(super) recordings: Option<Store>,
    pub(super) clock: Clock,
}
