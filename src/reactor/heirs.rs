//! Which connections have taken over the topics of those that are gone: topics that come later go on to them.

use std::collections::VecDeque;

use crate::id::ConnectionId;

/// The most that are remembered, the latest ones. The topics of a connection that is replaced come with the
/// mail of one other worker, so an entry is needed for a moment only.
const MAX_HEIRS: usize = 1024;

/// The latest connections of this worker that were replaced, each with its heir.
#[derive(Debug, Default)]
pub(super) struct Heirs(VecDeque<(ConnectionId, ConnectionId)>);

impl Heirs {
    /// Notes that the topics of a connection go to another one.
    pub(super) fn note(&mut self, older: ConnectionId, heir: ConnectionId) {
        if self.0.len() == MAX_HEIRS {
            self.0.pop_front();
        }
        self.0.push_back((older, heir));
    }

    /// The heir of a connection, if it is known.
    pub(super) fn of(&self, older: ConnectionId) -> Option<ConnectionId> {
        self.0.iter().rev().find(|(of, _)| *of == older).map(|(_, heir)| *heir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_heirs_are_remembered() {
        let id = |slot| ConnectionId::new(0, slot, 1);
        let mut heirs = Heirs::default();
        let many = u32::try_from(MAX_HEIRS).unwrap();
        (0..=many).for_each(|older| heirs.note(id(older), id(older + 1)));
        assert_eq!((heirs.of(id(0)), heirs.of(id(1))), (None, Some(id(2))));
        assert_eq!((heirs.of(id(many)), heirs.0.len()), (Some(id(many + 1)), MAX_HEIRS));
    }
}
