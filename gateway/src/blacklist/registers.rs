//! The black list as a cluster has it: a register for each account and network, of which the last writer's
//! value counts on all servers.
//!
//! What a register says beside the entry, such as when it was written, is the cluster's: here it is only
//! kept.

use std::fmt;

use redb::{ReadableTable as _, TableDefinition};

use super::list::{Entry, Subject};
use super::table;
use crate::store::{Fault, Transaction};

/// The end, whether it is a removal, whether an operator wrote it, and the cluster's bytes, by the same keys
/// as the entries.
const REGISTERS: TableDefinition<'_, &str, (u64, bool, bool, &[u8])> =
    TableDefinition::new("blacklist_registers");
/// The key of what the last writer has said about all of them: that they are cleared.
const CLEARED: &str = "";
/// How long a register is kept after its end, in milliseconds.
const GRACE_MS: u64 = 60_000;

/// What was last written about an account or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Register {
    /// As [`subject_key`] makes it.
    pub(crate) key: String,
    /// When it ends, in milliseconds since 1970.
    pub(crate) until_ms: u64,
    /// Whether the subject was removed from the list.
    pub(crate) is_removed: bool,
    pub(crate) by_operator: bool,
    /// The register as the cluster has it.
    pub(crate) bytes: Vec<u8>,
}

/// The cluster, which is told of changes, and says how they are to be stored.
pub(crate) trait Registers: fmt::Debug + Send + Sync {
    /// Somebody was listed.
    fn put(&self, subject: &Subject, entry: &Entry) -> Register;

    /// Somebody was removed.
    fn remove(&self, subject: &Subject) -> Register;

    /// Whether what a server has written is the last that was written of this subject.
    #[cfg(feature = "cluster")]
    fn is_latest(&self, register: &Register) -> bool;

    /// All were removed. Returns the cluster's bytes of that.
    fn clear(&self) -> Vec<u8>;
}

/// A change of registers, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RegisterChange {
    Put(Register),
    Clear(Vec<u8>),
}

/// The name of somebody in a cluster, as in the store.
pub(crate) fn subject_key(subject: &Subject) -> String {
    table::key(subject)
}

/// All registers, and the cluster's bytes about the last time that they were cleared. Those that ended before
/// `now_ms` are forgotten.
pub(super) fn load(
    transaction: &mut Transaction<'_>,
    now_ms: u64,
) -> Result<(Vec<Register>, Option<Vec<u8>>), Fault> {
    prune(transaction, now_ms)?;
    let (mut registers, mut cleared) = (Vec::new(), None);
    for row in transaction.read(REGISTERS)?.iter()? {
        let (key, value) = row?;
        let (until_ms, is_removed, by_operator, bytes) = value.value();
        let (key, bytes) = (key.value().to_owned(), bytes.to_vec());
        if key == CLEARED {
            cleared = Some(bytes);
        } else {
            registers.push(Register { key, until_ms, is_removed, by_operator, bytes });
        }
    }
    Ok((registers, cleared))
}

/// Makes the changes.
pub(super) fn save(transaction: &mut Transaction<'_>, changes: &[RegisterChange]) -> Result<(), Fault> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut registers = transaction.write(REGISTERS)?;
    for change in changes {
        match change {
            RegisterChange::Put(Register { key, until_ms, is_removed, by_operator, bytes }) => {
                registers.insert(key.as_str(), (*until_ms, *is_removed, *by_operator, bytes.as_slice()))?;
            }
            RegisterChange::Clear(bytes) => {
                registers.retain(|_, _| false)?;
                registers.insert(CLEARED, (u64::MAX, true, true, bytes.as_slice()))?;
            }
        }
    }
    Ok(())
}

/// Clears all registers but those that were written later, as `is_later` says. Returns the subjects that are
/// no longer listed.
pub(super) fn clear_earlier(
    transaction: &mut Transaction<'_>,
    bytes: &[u8],
    is_later: impl Fn(&[u8]) -> bool,
) -> Result<Vec<Subject>, Fault> {
    let mut cleared = Vec::new();
    let mut registers = transaction.write(REGISTERS)?;
    registers.retain(|key, (_, _, _, register)| {
        let stays = key != CLEARED && is_later(register);
        if !stays && let Some(subject) = table::subject(key) {
            cleared.push(subject);
        }
        stays
    })?;
    registers.insert(CLEARED, (u64::MAX, true, true, bytes))?;
    Ok(cleared)
}

/// Forgets registers that have ended.
pub(super) fn prune(transaction: &mut Transaction<'_>, now_ms: u64) -> Result<(), Fault> {
    let has_ended = |until_ms: u64| until_ms.saturating_add(GRACE_MS) <= now_ms;
    let mut ended = false;
    for row in transaction.read(REGISTERS)?.iter()? {
        ended |= has_ended(row?.1.value().0);
    }
    if ended {
        transaction.write(REGISTERS)?.retain(|_, (until_ms, ..)| !has_ended(until_ms))?;
    }
    Ok(())
}
