//! A slab in parts: when it grows, only one part is moved, so no call takes long.

use slab::Slab;

use super::parted_map::PARTS;

/// A slab in parts. A key is the index in a part, times the number of parts, and the number of the part.
#[derive(Debug)]
pub(super) struct PartedSlab<T> {
    parts: Box<[Slab<T>]>,
    len: usize,
}

impl<T> Default for PartedSlab<T> {
    fn default() -> Self {
        PartedSlab { parts: (0..PARTS).map(|_| Slab::new()).collect(), len: 0 }
    }
}

impl<T> PartedSlab<T> {
    pub(super) fn get(&self, key: u32) -> Option<&T> {
        let (part, index) = place(key);
        self.parts.get(part)?.get(index)
    }

    pub(super) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        let (part, index) = place(key);
        self.parts.get_mut(part)?.get_mut(index)
    }

    /// Adds an element to a part. Returns its key; none if there is no such part, or no such key.
    pub(super) fn insert(&mut self, part: usize, element: T) -> Option<u32> {
        let slab = self.parts.get_mut(part)?;
        let key = u32::try_from(slab.vacant_key() * PARTS + part).ok()?;
        if slab.len() == slab.capacity() {
            // Not twice as much: a topic with one subscriber is to be small.
            slab.reserve_exact(slab.len() / 4 + 4);
        }
        slab.insert(element);
        self.len += 1;
        Some(key)
    }

    /// Removes an element. A part without elements holds no memory.
    pub(super) fn remove(&mut self, key: u32) -> Option<T> {
        let (part, index) = place(key);
        let slab = self.parts.get_mut(part)?;
        let removed = slab.try_remove(index)?;
        self.len -= 1;
        if slab.is_empty() {
            *slab = Slab::new();
        }
        Some(removed)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(part, slab)| {
            slab.iter().map(move |(index, element)| ((index * PARTS + part) as u32, element))
        })
    }
}

/// The part and the index of a key.
fn place(key: u32) -> (usize, usize) {
    (key as usize % PARTS, key as usize / PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_keys_of_their_own_and_memory_is_released() {
        let mut slab = PartedSlab::default();
        let keys: Vec<_> = (0..1000).map(|number| slab.insert(number % 3, number).unwrap()).collect();
        assert_eq!((slab.len(), slab.insert(PARTS, 0)), (1000, None));
        for (number, &key) in keys.iter().enumerate() {
            assert_eq!(slab.get(key), Some(&number));
            assert_eq!(slab.get_mut(key), Some(&mut number.clone()));
        }
        assert_eq!(slab.iter().count(), 1000);
        assert!(keys.iter().enumerate().all(|(number, &key)| slab.remove(key) == Some(number)));
        assert_eq!((slab.len(), slab.remove(keys[0]), slab.get(keys[0])), (0, None, None));
        assert!(slab.parts.iter().all(|part| part.capacity() == 0));
    }
}
