//! A number that one thread writes and any thread reads, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count of a reactor. Only the reactor's thread changes it, with a load and a store, which cost as much as
/// those of a plain number. Others may read it at any time, even while the reactor hangs.
#[derive(Debug, Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    #[inline]
    pub(crate) fn take_off(&self, less: u64) {
        self.set(self.get().wrapping_sub(less));
    }

    /// Adds one, from any thread.
    pub(crate) fn add_shared(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// As many numbers as `N`, which begin at 0.
pub(crate) fn numbers<const N: usize>() -> [Number; N] {
    std::array::from_fn(|_| Number::default())
}
