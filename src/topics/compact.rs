//! A list that is never empty, and whose only element needs no allocation.
//!
//! Most topics of some games have one subscriber, and most connections of others have one topic.

/// A list of at least one element.
#[derive(Debug)]
pub(super) enum Compact<T> {
    One(T),
    // The box keeps the list at two words.
    #[expect(clippy::box_collection, reason = "a Vec is three words, and there is a list for each topic")]
    Many(Box<Vec<T>>),
}

impl<T: Copy> Compact<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Compact::One(element) => std::slice::from_ref(element),
            Compact::Many(elements) => elements,
        }
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Compact::One(element) => (at == 0).then_some(element),
            Compact::Many(elements) => elements.get_mut(at),
        }
    }

    /// Appends an element, and returns its index.
    pub(super) fn push(&mut self, element: T) -> usize {
        match self {
            Compact::One(first) => {
                *self = Compact::Many(Box::new(vec![*first, element]));
                1
            }
            Compact::Many(elements) => {
                elements.push(element);
                elements.len() - 1
            }
        }
    }

    /// Removes an element, whose place the last one takes. Returns the element that has moved there, if one
    /// has. An only element stays: the caller drops the list.
    pub(super) fn swap_remove(&mut self, at: usize) -> Option<T> {
        let Compact::Many(elements) = self else { return None };
        if at < elements.len() {
            elements.swap_remove(at);
        }
        let moved = elements.get(at).copied();
        match elements[..] {
            [last] => *self = Compact::One(last),
            _ if elements.len() < elements.capacity() / 4 => elements.shrink_to(elements.len() * 2),
            _ => {}
        }
        moved
    }
}

// There is one for each topic, and one for each connection with topics.
const _: () = assert!(size_of::<Compact<[u32; 3]>>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_element_takes_the_place_of_a_removed_one_and_memory_is_released() {
        let mut list = Compact::One(0);
        assert_eq!((list.swap_remove(0), list.as_slice()), (None, &[0][..]), "the only one stays");
        for number in 1..1000 {
            assert_eq!(list.push(number), number);
        }
        assert_eq!((list.swap_remove(999), list.swap_remove(0)), (None, Some(998)));
        assert_eq!(list.get_mut(0), Some(&mut 998));
        for len in (1..998).rev() {
            list.swap_remove(0);
            assert_eq!(list.as_slice().len(), len);
            let capacity = if let Compact::Many(elements) = &list { elements.capacity() } else { 0 };
            assert!(capacity <= len * 4 + 4, "{capacity} for {len}");
        }
        assert!(matches!(list, Compact::One(_)));
        assert_eq!((list.get_mut(0).is_some(), list.get_mut(1)), (true, None));
    }
}
