//! Handles and game objects that are attached to a connection, as the connection stores them.

use std::fmt;
use std::sync::Arc;

use super::connection::Life;
use crate::object::Linked;

/// The attachments of a connection: its handles, and the object that it controls.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    /// The flag by which its handles see its end, if it has handles.
    pub(crate) life: Option<Arc<Life>>,
    /// The connection's side of its link to an object.
    pub(crate) linked: Option<Linked>,
}

/// Gives access to a connection's [`Attachments`]. Most connections have none, so they are allocated on first
/// use.
pub(crate) trait LazyAttachments: fmt::Debug + Send {
    fn get_or_add(&mut self) -> &mut Attachments;
}

impl LazyAttachments for Attachments {
    fn get_or_add(&mut self) -> &mut Attachments {
        self
    }
}
