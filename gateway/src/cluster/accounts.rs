//! Accounts and used tokens: in the store of this server, or asked of the one server of the cluster that
//! keeps them.

use std::sync::Arc;

use super::Cluster;
use crate::auth::{MAX_USED_TOKENS, TokenUse, UsedToken};
use crate::clock::unix_ms;
use crate::store::accounts::{self, AccountKey};
use crate::store::{Store, Transaction};

/// Where accounts and used tokens are.
#[derive(Clone)]
pub(crate) enum Keeper {
    /// In this store.
    Here(Arc<Store>),
    /// On another server.
    Elsewhere(Arc<Cluster>),
}

impl Keeper {
    /// Asks which role an account has; one that is new gets one. `done` gets `None` if that cannot be known
    /// now. It is called once, on any thread, and must not block.
    pub(crate) fn role_of(&self, key: AccountKey, done: impl FnOnce(Option<u64>) + Send + 'static) {
        match self {
            Keeper::Here(store) => {
                let work = move |transaction: &mut Transaction<'_>| accounts::role_of(transaction, &key);
                store.submit(work, move |role_id| done(role_id.ok().flatten()));
            }
            Keeper::Elsewhere(cluster) => cluster.ask_role(key, Box::new(done)),
        }
    }

    /// Remembers a token, and asks whether it was used before. `done` is as that of
    /// [`role_of`](Self::role_of).
    pub(crate) fn remember(&self, token: UsedToken, done: impl FnOnce(Option<TokenUse>) + Send + 'static) {
        match self {
            Keeper::Here(store) => {
                let work = move |transaction: &mut Transaction<'_>| {
                    token.remember(MAX_USED_TOKENS, unix_ms() / 1000, transaction)
                };
                store.submit(work, move |used| done(used.ok()));
            }
            Keeper::Elsewhere(cluster) => cluster.ask_token(token, Box::new(done)),
        }
    }
}
