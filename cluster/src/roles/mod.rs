//! Which role is held where: a last-writer register for each role.
//!
//! A node speaks only for the holders that are on it: [`OwnRoles`] are these, and a [`View`] is what another
//! node has said about its own.

mod own;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use own::{Meeting, OwnRoles};
#[cfg(test)]
pub(crate) use table::TOMBSTONE_MS;
pub(crate) use table::{Entry, Listed};
pub(crate) use view::{Taken, View};
