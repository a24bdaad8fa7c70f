//! The black list of a cluster: each entry is a register, of which the last writer's value counts.

use sysconn_cluster::{BlacklistRecord, Cluster};

use crate::blacklist::{Entry, Register, Registers, Subject, subject_key};

/// Tells the cluster of the changes of this server's list.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Cluster);

impl Registers for Shared {
    fn put(&self, subject: &Subject, entry: &Entry) -> Register {
        register(&self.0.blacklist_put(&subject_key(subject), entry.until_ms, entry.by_operator))
    }

    fn remove(&self, subject: &Subject) -> Register {
        register(&self.0.blacklist_remove(&subject_key(subject)))
    }

    fn is_latest(&self, register: &Register) -> bool {
        record(register).is_some_and(|record| self.0.blacklist_is_latest(&record))
    }

    fn clear(&self) -> Vec<u8> {
        self.0.blacklist_clear().to_bytes()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shared").field(self.0.name()).finish()
    }
}

/// A record as the black list and its store have it.
pub(super) fn register(record: &BlacklistRecord) -> Register {
    Register {
        key: record.subject.clone(),
        until_ms: record.until_ms,
        is_removed: record.is_removed,
        by_operator: record.by_operator,
        bytes: record.to_bytes(),
    }
}

/// The record of a register that was stored.
pub(super) fn record(register: &Register) -> Option<BlacklistRecord> {
    BlacklistRecord::from_bytes(&register.bytes)
}
