//! The accounts that a platform has named: which role each has.

use redb::{ReadableTable as _, TableDefinition};

use super::files::NUMBERS;
use super::{Fault, Transaction};

/// The roles of accounts, by platform, account and zone.
const ACCOUNTS: TableDefinition<'_, (&str, &str, u32), u64> = TableDefinition::new("accounts");
/// The name of the number that the next account gets as its role. It only grows, so that no role is given to
/// a second account, even after the first was removed.
const NEXT_ROLE: &str = "next_role_id";
/// The first role: 0 is none.
const FIRST_ROLE: u64 = 1;

/// What an account is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountKey {
    pub(crate) platform: String,
    /// The name by which the platform knows it, such as an openid.
    pub(crate) account: String,
    pub(crate) zone_id: u32,
}

impl AccountKey {
    fn as_key(&self) -> (&str, &str, u32) {
        (&self.platform, &self.account, self.zone_id)
    }
}

/// The role of an account: the one that it has, or a new one. `None` if all numbers are used up.
pub(crate) fn role_of(transaction: &mut Transaction<'_>, key: &AccountKey) -> Result<Option<u64>, Fault> {
    let known = transaction.read(ACCOUNTS)?.get(key.as_key())?.map(|role_id| role_id.value());
    if known.is_some() {
        return Ok(known);
    }
    let next = transaction.read(NUMBERS)?.get(NEXT_ROLE)?.map_or(FIRST_ROLE, |next| next.value());
    let Some(after) = next.checked_add(1) else { return Ok(None) };
    transaction.write(NUMBERS)?.insert(NEXT_ROLE, after)?;
    transaction.write(ACCOUNTS)?.insert(key.as_key(), next)?;
    Ok(Some(next))
}

/// Calls `each` with all accounts and their roles, by platform, account and zone, until it returns false.
pub(crate) fn visit(
    transaction: &Transaction<'_>,
    mut each: impl FnMut(AccountKey, u64) -> bool,
) -> Result<(), Fault> {
    for entry in transaction.read(ACCOUNTS)?.iter()? {
        let (key, role_id) = entry?;
        let (platform, account, zone_id) = key.value();
        let key = AccountKey { platform: platform.to_owned(), account: account.to_owned(), zone_id };
        if !each(key, role_id.value()) {
            break;
        }
    }
    Ok(())
}

/// Removes an account. Its role is not given again.
pub(crate) fn remove(transaction: &mut Transaction<'_>, key: &AccountKey) -> Result<(), Fault> {
    transaction.write(ACCOUNTS)?.remove(key.as_key())?;
    Ok(())
}
