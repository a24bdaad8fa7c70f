//! The receivers of a push to many: a list that pushes in a row share.

use std::sync::Arc;

use crate::id::ConnectionId;

/// Connections in the order of their slots, each once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receivers {
    list: Arc<Vec<ConnectionId>>,
    /// One of the list that is left out.
    except: Option<ConnectionId>,
}

impl Receivers {
    /// The receivers in a list that is in the order of their slots.
    pub(super) fn shared(list: Arc<Vec<ConnectionId>>) -> Self {
        debug_assert!(list.is_sorted_by_key(|id| id.order()));
        Receivers { list, except: None }
    }

    /// Leaves out a connection. False if it is not among them.
    pub(crate) fn leave_out(&mut self, id: ConnectionId) -> bool {
        let is_in = self.except != Some(id) && self.contains(id);
        if is_in && self.except.is_some() {
            self.retain(|other| other != id);
        } else if is_in {
            self.except = Some(id);
        }
        is_in
    }

    /// The one of the list that is left out.
    pub(crate) fn left_out(&self) -> Option<ConnectionId> {
        self.except
    }

    /// Whether both have the same list, as far as that can be seen at once, whomever they leave out.
    pub(crate) fn share_list(&self, other: &Receivers) -> bool {
        Arc::ptr_eq(&self.list, &other.list) || self.list == other.list
    }

    /// Keeps those for which `keep` holds. They go on sharing their list if all are kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(ConnectionId) -> bool) {
        let Some(first) = self.iter().position(|id| !keep(id)) else { return };
        let rest = self.iter().skip(first + 1).filter(|id| keep(*id));
        let kept = self.iter().take(first).chain(rest).collect();
        *self = Receivers { list: Arc::new(kept), except: None };
    }

    /// Whether a connection is one of them.
    pub(crate) fn contains(&self, id: ConnectionId) -> bool {
        let found = self.list.binary_search_by_key(&id.order(), |id| id.order());
        self.except != Some(id) && found.is_ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ConnectionId> + use<'_> {
        self.list.iter().copied().filter(|id| self.except != Some(*id))
    }

    /// The receiver at an index of the list, and those after it, perhaps with the one that is left out.
    pub(crate) fn listed_from(&self, index: usize) -> &[ConnectionId] {
        self.list.get(index..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len() - usize::from(self.except.is_some())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Connections in any order.
impl From<Vec<ConnectionId>> for Receivers {
    fn from(mut list: Vec<ConnectionId>) -> Self {
        // It is mostly sorted already.
        list.sort_unstable_by_key(|id| id.order());
        list.dedup();
        Receivers { list: Arc::new(list), except: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(slot: u32) -> ConnectionId {
        ConnectionId::new(0, slot, 1)
    }

    fn slots(receivers: &Receivers) -> Vec<usize> {
        receivers.iter().map(ConnectionId::slot).collect()
    }

    #[test]
    fn receivers_share_their_list_as_long_as_they_are_the_same() {
        let all = Receivers::from([3, 1, 2, 3, 5].map(id).to_vec());
        assert_eq!((slots(&all), all.len()), (vec![1, 2, 3, 5], 4));
        let mut some = all.clone();
        assert!(!some.leave_out(id(4)) && some.left_out().is_none());
        assert!(some.leave_out(id(2)) && !some.leave_out(id(2)) && some.left_out() == Some(id(2)));
        assert!(some.share_list(&all) && !some.contains(id(2)) && some.contains(id(3)));
        assert_eq!((slots(&some), some.len()), (vec![1, 3, 5], 3));
        some.retain(|_| true);
        assert!(some.share_list(&all), "it is shared as long as all are kept");
        let mut fewer = some.clone();
        assert!(fewer.leave_out(id(5)));
        some.retain(|id| id.slot() != 5);
        assert_eq!((slots(&some), some.share_list(&fewer), some.is_empty()), (vec![1, 3], true, false));
        assert!(!some.share_list(&all));
        some.retain(|_| false);
        assert!(some.is_empty());
    }
}
