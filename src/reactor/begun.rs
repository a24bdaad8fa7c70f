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

/// The most receivers that are reached before the others while pushes may join: they wait again for each that
/// does, and so many cost less than another fan-out.
pub(super) const MAX_AT_REST: usize = 64;

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
        let at_rest = self.to.len().min(MAX_AT_REST);
        self.to.len() * (size_of::<ConnectionId>() + PushQueues::NUMBER_BYTES)
            + at_rest * size_of::<ConnectionId>()
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

/// A receiver that is not sent the whole row at once: it was sent the beginning, or a push leaves it out.
#[derive(Debug)]
struct Partial {
    id: ConnectionId,
    /// The first push of the row that it has not been sent.
    from: usize,
}

/// A fan-out that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    to: Receivers,
    row: PushRow,
    /// One for each push of the row.
    requests: Vec<Request>,
    /// Those that are not sent the whole row at once, in the order of their slots.
    partial: Vec<Partial>,
    /// Those of the list that wait for none of the pushes so far: left out, or reached ahead of the others.
    at_rest: Vec<ConnectionId>,
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
        let (except, at_rest) = (to.left_out(), to.left_out().into_iter().collect());
        let requests = vec![Request { by, except, _held: held }];
        Begun { to, row: PushRow::One(push), requests, partial: vec![], at_rest, next: 0, left, bytes }
    }

    /// Whether a fan-out goes to the same receivers, but for those left out, and some wait.
    pub(super) fn may_take(&self, fan_out: &FanOut) -> bool {
        self.left > 0 && self.to.share_list(&fan_out.to)
    }

    /// Appends the push of a fan-out that it [may take](Self::may_take), unless there are too many. Those who
    /// have been reached wait again: `wait` has one do so, and says whether it is there. Returns the bytes
    /// that are held more, or the fan-out.
    pub(super) fn take(
        &mut self,
        fan_out: FanOut,
        mut wait: impl FnMut(ConnectionId) -> bool,
    ) -> Result<usize, FanOut> {
        let before = self.row.joined_bytes();
        if !self.row.append(&fan_out.push) {
            return Err(fan_out);
        }
        let bytes = fan_out.bytes() + self.row.joined_bytes() - before;
        self.bytes += bytes;
        let except = fan_out.to.left_out();
        let at_rest = std::mem::take(&mut self.at_rest);
        let (stay, others): (Vec<_>, Vec<_>) = at_rest.into_iter().partition(|id| Some(*id) == except);
        if let Some(id) = except.filter(|_| stay.is_empty()) {
            self.note_partial(id, 0);
        }
        self.at_rest = stay;
        for id in others.into_iter().filter(|id| wait(*id)) {
            self.note_partial(id, self.requests.len());
            self.left += 1;
            // It may have been passed over.
            self.next = 0;
        }
        self.requests.push(Request { by: fan_out.by, except, _held: fan_out.held });
        Ok(bytes)
    }

    /// Notes that a receiver gets only some of the pushes, and none before `from`.
    fn note_partial(&mut self, id: ConnectionId, from: usize) {
        match self.find_partial(id).map(|at| self.partial.get_mut(at)) {
            Ok(Some(partial)) => partial.from = partial.from.max(from),
            Ok(None) => {}
            Err(at) => self.partial.insert(at, Partial { id, from }),
        }
    }

    fn find_partial(&self, id: ConnectionId) -> Result<usize, usize> {
        self.partial.binary_search_by_key(&id.order(), |partial| partial.id.order())
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
        let partial = self.find_partial(id).ok().and_then(|at| self.partial.get(at));
        let Some(&Partial { from, .. }) = partial else { return self.row.clone() };
        let requests = self.requests.iter().enumerate();
        self.row.part(requests.map(|(number, request)| number >= from && request.except != Some(id)))
    }

    /// Has a receiver that was reached wait again if another push joins. False if there are too many of them:
    /// then none may join.
    pub(super) fn keep_at_rest(&mut self, id: ConnectionId) -> bool {
        let has_capacity = self.at_rest.len() < MAX_AT_REST;
        if has_capacity {
            self.at_rest.push(id);
        }
        has_capacity
    }

    pub(super) fn is_finished(&self) -> bool {
        self.left == 0
    }

    /// Releases what it holds, once it is finished. Returns the bytes of that, and who requested it.
    pub(super) fn release(&mut self) -> (usize, Vec<Request>) {
        (self.to, self.partial, self.at_rest) = (Receivers::from(vec![]), vec![], vec![]);
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
        let at_rest = MAX_AT_REST * size_of::<ConnectionId>();
        assert!(bytes >= size_of::<Begun>() + size_of::<Request>() + lists + at_rest + frame);
        let mut begun = Begun::new(fan_out());
        for _ in 0..3 {
            assert!(begun.may_take(&fan_out()));
            let more = begun.take(fan_out(), |_| true).unwrap();
            assert!(more >= 2 * frame + size_of::<Request>() + size_of::<Push>());
        }
        assert!(begun.bytes >= 4 * bytes + 4 * frame);
    }
}
