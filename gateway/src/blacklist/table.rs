//! The black list in the store.

use redb::{ReadableTable as _, TableDefinition};

use super::list::{Change, Entry, Subject};
use crate::store::{Fault, Transaction};

/// The end of each entry in milliseconds since 1970, its number, and whether an operator made it, by
/// `account:` or `address:` and who is listed.
const BLACKLIST: TableDefinition<'_, &str, (u64, u64, bool)> = TableDefinition::new("blacklist");
const ACCOUNT: &str = "account:";
const ADDRESS: &str = "address:";

/// All entries, in no order that matters.
pub(super) fn load(transaction: &Transaction<'_>) -> Result<Vec<(Subject, Entry)>, Fault> {
    let mut entries = Vec::new();
    for row in transaction.read(BLACKLIST)?.iter()? {
        let (key, value) = row?;
        let (until_ms, number, by_operator) = value.value();
        // A key of another kind would be that of a newer version, which this one does not open.
        if let Some(subject) = subject(key.value()) {
            entries.push((subject, Entry { until_ms, number, by_operator }));
        }
    }
    Ok(entries)
}

/// Makes the changes.
pub(super) fn save(transaction: &mut Transaction<'_>, changes: &[Change]) -> Result<(), Fault> {
    let mut table = transaction.write(BLACKLIST)?;
    for change in changes {
        match change {
            Change::Put(subject, entry) => {
                table.insert(&*key(subject), (entry.until_ms, entry.number, entry.by_operator))?;
            }
            Change::Remove(subject) | Change::Forget(subject) => {
                table.remove(&*key(subject))?;
            }
            Change::Clear => table.retain(|_, _| false)?,
        }
    }
    Ok(())
}

pub(super) fn key(subject: &Subject) -> String {
    match subject {
        Subject::Account(account) => format!("{ACCOUNT}{account}"),
        Subject::Network(network) => format!("{ADDRESS}{network}"),
    }
}

pub(super) fn subject(key: &str) -> Option<Subject> {
    if let Some(account) = key.strip_prefix(ACCOUNT) {
        return Some(Subject::Account(account.into()));
    }
    key.strip_prefix(ADDRESS)?.parse().ok().map(Subject::Network)
}
