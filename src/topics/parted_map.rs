//! A hash map in parts, each with a table of its own: when one grows or shrinks, only its own entries are
//! moved, so no call takes long.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// The number of parts. Of a million entries, each has 4,096.
pub(super) const PARTS: usize = 256;

/// A hash map in parts.
#[derive(Debug)]
pub(super) struct PartedMap<K, V> {
    parts: Box<[HashMap<K, V>]>,
    /// Chooses the part of a key. The parts have others, or each would use a small part of its table only.
    hasher: RandomState,
    len: usize,
}

impl<K, V> Default for PartedMap<K, V> {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| HashMap::new()).collect();
        PartedMap { parts, hasher: RandomState::new(), len: 0 }
    }
}

impl<K: Eq + Hash, V> PartedMap<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts.get(self.part(key))?.get(key)
    }

    pub(super) fn get_key_value<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.parts.get(self.part(key))?.get_key_value(key)
    }

    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let part = self.part(key);
        self.parts.get_mut(part)?.get_mut(key)
    }

    /// Adds an entry whose key has none.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let part = self.part(&key);
        if let Some(part) = self.parts.get_mut(part)
            && part.insert(key, value).is_none()
        {
            self.len += 1;
        }
    }

    /// Removes an entry, and releases the memory of a part that was much larger.
    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let part = self.part(key);
        let part = self.parts.get_mut(part)?;
        let removed = part.remove(key)?;
        self.len -= 1;
        if part.is_empty() || part.len() < part.capacity() / 8 {
            part.shrink_to(part.len() * 2);
        }
        Some(removed)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(HashMap::values)
    }

    /// The number of the part of a key.
    pub(super) fn part<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        (self.hasher.hash_one(key) % PARTS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_spread_over_the_parts_and_memory_is_released() {
        const COUNT: u64 = 256_000;
        let mut map = PartedMap::default();
        for key in 0..COUNT {
            map.insert(key, key);
            assert!(map.get_mut(&key).is_some_and(|value| *value == key));
        }
        assert_eq!((map.len(), map.get(&7), map.get(&COUNT)), (COUNT as usize, Some(&7), None));
        assert_eq!(map.get_key_value(&8), Some((&8, &8)));
        let largest = |map: &PartedMap<u64, u64>| map.parts.iter().map(HashMap::capacity).max();
        assert!(largest(&map) < Some(8000), "{:?}", largest(&map));
        assert!((0..COUNT).all(|key| map.remove(&key) == Some(key)));
        assert!(map.is_empty() && map.remove(&7).is_none() && largest(&map) == Some(0));
    }
}
