//! A connection's side of its links to other threads and game objects.

use std::fmt;
use std::sync::Arc;

use super::connection::Life;
use crate::object::Linked;

/// The attachments of a connection: its handles, and the object that it controls.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    /// What its handles see of its end, if it has any.
    pub(crate) life: Option<Arc<Life>>,
    /// The connection's side of its link to an object.
    pub(crate) linked: Option<Linked>,
}

/// Where a connection keeps its [`Attachments`]. Most connections have none, so they are allocated when they
/// are first asked for.
pub(crate) trait LazyAttachments: fmt::Debug {
    fn get_or_add(&mut self) -> &mut Attachments;
}

impl LazyAttachments for Attachments {
    fn get_or_add(&mut self) -> &mut Attachments {
        self
    }
}
