//! The black list beside a cluster that has heard of several changes of one entry.

use std::sync::Arc;

use super::super::{Blacklist, Entry, Register, Registers, Subject, subject_key};
use super::account;
use super::kept::open;
use crate::store::Store;

/// A cluster in which the last register of each subject is one with these bytes.
#[derive(Debug)]
struct Latest(&'static [u8]);

impl Latest {
    fn register(&self, subject: &Subject, is_removed: bool) -> Register {
        register(subject, is_removed, self.0)
    }
}

impl Registers for Latest {
    fn put(&self, subject: &Subject, _: &Entry) -> Register {
        self.register(subject, false)
    }

    fn remove(&self, subject: &Subject) -> Register {
        self.register(subject, true)
    }

    fn is_latest(&self, register: &Register) -> bool {
        register.bytes == self.0
    }

    fn clear(&self) -> Vec<u8> {
        vec![]
    }
}

fn register(subject: &Subject, is_removed: bool, bytes: &[u8]) -> Register {
    let key = subject_key(subject);
    Register { key, until_ms: u64::MAX, is_removed, by_operator: true, bytes: bytes.to_vec() }
}

#[test]
fn what_was_overtaken_changes_nothing() {
    for (bytes, is_listed) in [(b"last", true), (b"once", false)] {
        let store = Arc::new(Store::open(None).unwrap());
        let list: Blacklist = open(&[], &store);
        list.share(Arc::new(Latest(b"last")));
        list.take([register(&account("a"), false, bytes)].into_iter());
        assert_eq!(list.bars_account("a"), is_listed);
        let stored: Vec<_> = list.registers().unwrap().0.into_iter().map(|stored| stored.bytes).collect();
        assert_eq!(stored, if is_listed { vec![bytes.to_vec()] } else { vec![] });
    }
}
