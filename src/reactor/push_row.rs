//! Pushes in a row to the same receivers, which leave together.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::push::Push;

/// The most bytes of a row: enough for many short pushes, and little to hold for a slow receiver.
pub(super) const MAX_ROW_BYTES: usize = 16 * 1024;

/// One push, or several that were requested one after the other. A clone shares them.
#[derive(Clone, Debug)]
pub(super) enum PushRow {
    One(Push),
    Several(Arc<Several>),
}

#[derive(Debug)]
pub(super) struct Several {
    pushes: Vec<Push>,
    len: usize,
    /// The frames of all, once a receiver is sent them.
    frames: OnceLock<Bytes>,
}

impl PushRow {
    /// The pushes, in order.
    pub(super) fn pushes(&self) -> &[Push] {
        match self {
            PushRow::One(push) => std::slice::from_ref(push),
            PushRow::Several(several) => &several.pushes,
        }
    }

    /// The bytes of all frames.
    pub(super) fn len(&self) -> usize {
        match self {
            PushRow::One(push) => push.frame().len(),
            PushRow::Several(several) => several.len,
        }
    }

    /// Bytes that are held beside the pushes themselves, since there are several.
    pub(super) fn joined_bytes(&self) -> usize {
        match self {
            PushRow::One(_) => 0,
            PushRow::Several(several) => several.len + several.pushes.len() * size_of::<Push>(),
        }
    }

    /// The frames of all pushes, one after the other.
    pub(super) fn frames(&self) -> &Bytes {
        match self {
            PushRow::One(push) => push.frame(),
            PushRow::Several(several) => several.frames.get_or_init(|| {
                let frames: Vec<&[u8]> = several.pushes.iter().map(|push| &push.frame()[..]).collect();
                frames.concat().into()
            }),
        }
    }

    /// Those of its pushes that are to be sent, in order; `is_sent` says it of each.
    pub(super) fn part(&self, is_sent: impl Iterator<Item = bool>) -> PushRow {
        let pushes = self.pushes().iter().zip(is_sent).filter(|(_, is_sent)| *is_sent);
        let pushes: Vec<Push> = pushes.map(|(push, _)| push.clone()).collect();
        let len = pushes.iter().map(|push| push.frame().len()).sum();
        PushRow::Several(Arc::new(Several { pushes, len, frames: OnceLock::new() }))
    }

    /// Appends a push, unless the row would be too long, or is shared with a clone.
    pub(super) fn append(&mut self, push: &Push) -> bool {
        let len = self.len() + push.frame().len();
        if len > MAX_ROW_BYTES {
            return false;
        }
        match self {
            PushRow::One(first) => {
                let pushes = vec![first.clone(), push.clone()];
                *self = PushRow::Several(Arc::new(Several { pushes, len, frames: OnceLock::new() }));
            }
            PushRow::Several(several) => {
                let Some(several) = Arc::get_mut(several) else { return false };
                several.pushes.push(push.clone());
                several.len = len;
                several.frames.take();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_frames_of_its_pushes_in_order_and_is_bounded() {
        let push = |cmd| Push::new(cmd, &[7; 1000]);
        let mut row = PushRow::One(push(1));
        assert_eq!(row.frames(), push(1).frame());
        let most = MAX_ROW_BYTES / row.len();
        let appended = (2..).take_while(|cmd| row.append(&push(*cmd))).count();
        assert_eq!((appended + 1, row.pushes().len()), (most, most));
        let expected: Vec<u8> = (1..).take(most).flat_map(|cmd| push(cmd).frame().to_vec()).collect();
        assert_eq!((row.frames(), row.len()), (&Bytes::from(expected), MAX_ROW_BYTES / 1015 * 1015));
        let part = row.part((0..most).map(|index| index % 7 == 3));
        let expected: Vec<Push> = (4..=most).step_by(7).map(|cmd| push(cmd as u16)).collect();
        assert_eq!(part.pushes(), expected);
        assert_eq!((part.len(), part.frames().len()), (expected.len() * 1015, expected.len() * 1015));
        let mut row = PushRow::One(push(1));
        assert!(row.append(&push(2)));
        let sent = row.clone();
        assert!(!row.append(&push(3)));
        drop(sent);
        assert!(row.append(&push(3)) && row.frames().len() == row.len());
        assert!(row.append(&push(4)) && row.frames().len() == row.len());
    }
}
