//! Other machines that serve the same game: joins the hooks of the library to the cluster, and what the
//! program shares with them: accounts, used tokens, the black list, and what operators ask for.
//!
//! docs/cluster.md says what is promised. Without `--cluster` there is none of it, and no thread.

#[cfg(not(feature = "cluster"))]
mod absent;
mod accounts;
#[cfg(feature = "cluster")]
mod blacklist;
#[cfg(feature = "cluster")]
mod host;
#[cfg(feature = "cluster")]
mod joined;
#[cfg(feature = "cluster")]
mod others;
#[cfg(feature = "cluster")]
mod presence;
#[cfg(feature = "cluster")]
mod start;

#[cfg(not(feature = "cluster"))]
pub(crate) use absent::{Cluster, Figures, check};
pub(crate) use accounts::Keeper;
#[cfg(feature = "cluster")]
pub(crate) use joined::{Cluster, Figures};
#[cfg(feature = "cluster")]
pub(crate) use start::check;
