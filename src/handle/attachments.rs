//! What handlers attach to a connection, as it stores that: handles, a game object, and a login under way.

use std::fmt;
use std::sync::Arc;

use super::connection::Life;
use crate::object::Linked;

/// The attachments of a connection: its handles, the object that it controls, and a login under way.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    /// The flag by which its handles see its end, if it has handles.
    pub(crate) life: Option<Arc<Life>>,
    /// The connection's side of its link to an object.
    pub(crate) linked: Option<Linked>,
    /// A login is under way: its ticket is open, and other logins are refused.
    pub(crate) is_logging_in: bool,
}

/// Gives access to a connection's [`Attachments`]. Most connections have none, so they are allocated on first
/// use.
pub(crate) trait LazyAttachments: fmt::Debug + Send {
    fn get_or_add(&mut self) -> &mut Attachments;

    /// Whether a login is under way.
    fn is_logging_in(&self) -> bool;
}

impl LazyAttachments for Attachments {
    fn get_or_add(&mut self) -> &mut Attachments {
        self
    }

    fn is_logging_in(&self) -> bool {
        self.is_logging_in
    }
}
