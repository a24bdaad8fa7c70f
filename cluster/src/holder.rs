//! The connection that holds a role.

/// A connection of this machine that holds a role. Both numbers are the game's own, and are given back as
/// they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The connection.
    pub connection: u64,
    /// Which of its logins this is.
    pub claim: u64,
}
