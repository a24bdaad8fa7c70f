//! What others hold of one connection, seen from its side.

use std::fmt;
use std::sync::Arc;

use super::Life;
use crate::object::Linked;

/// Its handles and the object that is linked to it.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// What its handles see of its end, if there are any.
    pub(crate) life: Option<Arc<Life>>,
    /// The player's object that this connection controls.
    pub(crate) linked: Option<Linked>,
}

/// Has [`Ties`], or makes room for them when they are asked for: most connections have none.
pub(crate) trait Tied: fmt::Debug {
    fn ties(&mut self) -> &mut Ties;
}

impl Tied for Ties {
    fn ties(&mut self) -> &mut Ties {
        self
    }
}
