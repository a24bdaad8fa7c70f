//! A push to many, and what is left of it once it has begun. Pushes in a row to the same receivers are one.

use super::fan_outs::Group;
use super::push_queues::PushQueues;
use super::push_row::PushRow;
use super::requester::Requester;
use crate::id::ConnectionId;
use crate::push::Push;
use crate::router::HeldByPublish;
use crate::topics::Receivers;

/// Bytes that each fan-out takes besides its list of receivers and its push: its entry, and its allocations
/// of the least size for a list of receivers, a push, a group and a request.
const OWN_BYTES: usize = size_of::<Begun>() + 4 * 32 + size_of::<Group>() + size_of::<Request>();

/// One push to many.
#[derive(Debug)]
pub(super) struct FanOut {
    pub(super) by: Requester,
    pub(super) to: Receivers,
    pub(super) push: Push,
    /// Present if it is a publish.
    pub(super) held: Option<HeldByPublish>,
}

impl FanOut {
    /// Bytes that it holds until it is finished, the queues of its receivers included. Those of a publish
    /// count with its permit.
    pub(super) fn bytes(&self) -> usize {
        if self.held.is_some() {
            return 0;
        }
        self.to.len() * (size_of::<ConnectionId>() + PushQueues::NUMBER_BYTES)
            + self.push.frame().len()
            + OWN_BYTES
    }
}

/// Who requested one of the pushes of a row.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) by: Requester,
    /// Who does not get it.
    except: Option<ConnectionId>,
    /// A publish holds it until it has reached everybody.
    _held: Option<HeldByPublish>,
}

/// A fan-out that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    to: Receivers,
    row: PushRow,
    /// One for each push of the row.
    requests: Vec<Request>,
    /// Receivers that get only some of the pushes, in the order of their slots.
    partial: Vec<ConnectionId>,
    /// The first receiver of the list that may not have been reached.
    next: usize,
    /// Receivers that have not been reached. At 0 only its key in its group remains.
    left: usize,
    bytes: usize,
}

impl Begun {
    pub(super) fn new(fan_out: FanOut) -> Self {
        let (bytes, left) = (fan_out.bytes(), fan_out.to.len());
        let FanOut { by, to, push, held } = fan_out;
        let requests = vec![Request { by, except: to.left_out(), _held: held }];
        Begun { to, row: PushRow::One(push), requests, partial: vec![], next: 0, left, bytes }
    }

    /// Whether a fan-out goes to the same receivers, but for those left out, and none has been reached.
    pub(super) fn may_take(&self, fan_out: &FanOut) -> bool {
        self.left == self.to.len() && self.left > 0 && self.to.share_list(&fan_out.to)
    }

    /// Who becomes a receiver with a fan-out that it [may take](Self::may_take): all pushes before leave it
    /// out.
    pub(super) fn newcomer(&self, fan_out: &FanOut) -> Option<ConnectionId> {
        self.to.left_out().filter(|_| self.to.left_out() != fan_out.to.left_out())
    }

    /// Appends the push of a fan-out that it [may take](Self::may_take), unless there are too many. Returns
    /// the bytes that it holds more, or the fan-out.
    pub(super) fn take(&mut self, fan_out: FanOut) -> Result<usize, FanOut> {
        let before = self.row.joined_bytes();
        if !self.row.append(&fan_out.push) {
            return Err(fan_out);
        }
        let bytes = fan_out.bytes() + self.row.joined_bytes() - before;
        self.bytes += bytes;
        let (newcomer, except) = (self.newcomer(&fan_out), fan_out.to.left_out());
        if self.to.left_out() != except {
            self.to.take_in();
            newcomer.into_iter().chain(except).for_each(|id| self.note_partial(id));
        }
        if newcomer.is_some() {
            self.left += 1;
            // It may have been passed over.
            self.next = 0;
        }
        self.requests.push(Request { by: fan_out.by, except, _held: fan_out.held });
        Ok(bytes)
    }

    fn note_partial(&mut self, id: ConnectionId) {
        if let Err(at) = self.find_partial(id) {
            self.partial.insert(at, id);
        }
    }

    fn find_partial(&self, id: ConnectionId) -> Result<usize, usize> {
        self.partial.binary_search_by_key(&id.order(), |id| id.order())
    }

    /// The next receiver for which `is_waiting` holds.
    pub(super) fn next_receiver(
        &mut self,
        is_waiting: impl Fn(ConnectionId) -> bool,
    ) -> Option<ConnectionId> {
        if self.left == 0 {
            return None;
        }
        let rest = self.to.listed_from(self.next);
        self.next += rest.iter().position(|&id| is_waiting(id))?;
        self.to.listed_from(self.next).first().copied()
    }

    /// Counts a receiver as reached. Returns what it is sent.
    pub(super) fn reach(&mut self, id: ConnectionId) -> PushRow {
        self.left -= 1;
        if self.find_partial(id).is_err() {
            return self.row.clone();
        }
        let for_it = self.requests.iter().map(|request| request.except != Some(id));
        self.row.part(for_it)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.left == 0
    }

    /// Releases what it holds, once it is finished. Returns the bytes of that, and who requested it.
    pub(super) fn release(&mut self) -> (usize, Vec<Request>) {
        (self.to, self.partial) = (Receivers::from(vec![]), vec![]);
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_counts_with_at_least_what_it_holds() {
        let to: Vec<_> = (0..100).map(|slot| ConnectionId::new(0, slot, 1)).collect();
        let fan_out = || FanOut {
            by: Requester::Mail,
            to: to.clone().into(),
            push: Push::new(1, &[7; 100]),
            held: None,
        };
        let (frame, bytes) = (fan_out().push.frame().len(), fan_out().bytes());
        let lists = 100 * (size_of::<ConnectionId>() + PushQueues::NUMBER_BYTES);
        assert!(bytes >= size_of::<Begun>() + size_of::<Request>() + lists + frame);
        let mut begun = Begun::new(fan_out());
        for _ in 0..3 {
            assert!(begun.may_take(&fan_out()));
            let more = begun.take(fan_out()).unwrap();
            assert!(more >= 2 * frame + size_of::<Request>() + size_of::<Push>());
        }
        begun.reach(to[0]);
        assert!(!begun.may_take(&fan_out()), "a receiver was reached");
        assert!(begun.bytes >= 4 * bytes + 4 * frame);
    }
}
