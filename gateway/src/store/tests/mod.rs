//! Tests of the store, on disks that fail and in directories.

mod directories;
pub(crate) mod disk;
mod faults;
mod order;

use super::accounts::{AccountKey, role_of};
use super::{Store, StoreError};

fn key(account: &str, zone_id: u32) -> AccountKey {
    AccountKey { platform: "platform".into(), account: account.into(), zone_id }
}

impl Store {
    /// The role of an account.
    fn role(&self, key: AccountKey) -> Result<u64, StoreError> {
        self.call(move |transaction| role_of(transaction, &key)).map(Option::unwrap)
    }
}
