//! The requests of one connection that wait for replies. Replies should come in the order of their requests;
//! one that is lost, or late, does not make the others wrong.

use std::collections::VecDeque;

/// The Flags of requests count from 1 to this one; those above are for logins and the like.
pub(super) const MAX_FLAG: u32 = u32::MAX - 16;
/// How far the first Flags of a connection and the next are apart, in 2^64 parts of all Flags: the golden
/// ratio, by which those of many connections are apart too.
const APART: u64 = 0x9e37_79b9_7f4a_7c15;

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// Its place among all requests of the connection.
    number: u64,
    pub(super) flag: u32,
    /// Replies that are still to come, at least one.
    pub(super) left: u32,
    /// A later request was answered before it.
    pub(super) is_overtaken: bool,
    /// When it should have been sent.
    pub(super) intended: u64,
}

/// What a reply is to the requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The last one to a request.
    Complete(Pending),
    /// One of several to a request, more of which are to come.
    Partial,
    /// A reply to a request that comes after that to a later one. No other reply to it is awaited.
    Overtaken,
    /// A reply to no request in flight.
    Unexpected,
}

/// At most as many as the pipeline has.
#[derive(Debug)]
pub(super) struct InFlight {
    requests: VecDeque<Pending>,
    /// The Flag after which the next is 1.
    last_flag: u32,
    /// Those of the newest request, also if it is answered.
    flag: u32,
    number: u64,
}

impl InFlight {
    /// Requests have the Flags from 1 to `last_flag`, at most [`MAX_FLAG`], again and again. The `nth`
    /// connection begins elsewhere among them than the others, so that a reply which reaches another is not
    /// what that one waits for.
    pub(super) fn new(last_flag: u32, nth: usize) -> Self {
        let share = u128::from((nth as u64).wrapping_mul(APART));
        let flag = ((share * u128::from(last_flag)) >> u64::BITS) as u32;
        InFlight { requests: VecDeque::new(), last_flag, flag, number: 0 }
    }

    pub(super) fn last_flag(&self) -> u32 {
        self.last_flag
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// A request is sent that has so many replies. Returns its Flag.
    pub(super) fn push(&mut self, replies: u32, intended: u64) -> u32 {
        self.flag = if self.flag >= self.last_flag { 1 } else { self.flag + 1 };
        self.number += 1;
        let (number, flag) = (self.number, self.flag);
        if replies > 0 {
            self.requests.push_back(Pending { number, flag, left: replies, is_overtaken: false, intended });
        }
        flag
    }

    /// The oldest request.
    pub(super) fn oldest(&self) -> Option<Pending> {
        self.requests.front().copied()
    }

    /// How many of the oldest requests were sent one after the other, without one between them that is
    /// answered already: all of them, or else at least one.
    pub(super) fn in_a_row(&self) -> usize {
        let (Some(oldest), Some(newest)) = (self.requests.front(), self.requests.back()) else { return 0 };
        let count = newest.number - oldest.number + 1;
        if count == self.requests.len() as u64 { self.requests.len() } else { 1 }
    }

    /// The only reply to the oldest request has come: [`answer`](Self::answer) for millions a second.
    pub(super) fn answer_oldest(&mut self) -> Answer {
        match self.requests.pop_front() {
            Some(request) if request.is_overtaken => Answer::Overtaken,
            oldest => oldest.map_or(Answer::Unexpected, Answer::Complete),
        }
    }

    /// A reply with this Flag has come. With `ends` no other reply to the request comes: it was refused.
    pub(super) fn answer(&mut self, flag: u32, ends: bool) -> Answer {
        let Some(at) = self.position(flag) else { return Answer::Unexpected };
        // Those before it are not answered yet: they are late, or never will be.
        self.requests.iter_mut().take(at).for_each(|earlier| earlier.is_overtaken = true);
        let Some(request) = self.requests.get_mut(at) else { return Answer::Unexpected };
        request.left -= 1;
        if request.left > 0 && !ends && !request.is_overtaken {
            return Answer::Partial;
        }
        let removed = if at == 0 { self.requests.pop_front() } else { self.requests.remove(at) };
        match removed {
            Some(request) if request.is_overtaken => Answer::Overtaken,
            removed => removed.map_or(Answer::Unexpected, Answer::Complete),
        }
    }

    /// Whether a request with this Flag waits.
    pub(super) fn has(&self, flag: u32) -> bool {
        self.position(flag).is_some()
    }

    /// Where the newest request with this Flag is.
    fn position(&self, flag: u32) -> Option<usize> {
        let newest = self.requests.back()?;
        let cycle = if flag > newest.flag { u64::from(self.last_flag) } else { 0 };
        let back = (u64::from(newest.flag) + cycle).checked_sub(flag.into())?;
        let number = newest.number.checked_sub(back);
        let found = number
            .and_then(|number| self.requests.binary_search_by_key(&number, |request| request.number).ok());
        // One that is lost may wait for many cycles.
        found.or_else(|| self.requests.iter().rposition(|request| request.flag == flag)).filter(|_| flag > 0)
    }

    /// Takes all that still wait.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Pending> {
        self.requests.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn begin(last_flag: u32, flag: u32) -> InFlight {
        InFlight { flag, number: u64::from(flag), ..InFlight::new(last_flag, 0) }
    }

    #[test]
    fn replies_come_in_the_order_of_their_requests() {
        let mut in_flight = begin(MAX_FLAG, MAX_FLAG - 1);
        for (flag, replies) in [(MAX_FLAG, 2), (1, 0), (2, 3)] {
            assert_eq!(in_flight.push(replies, u64::from(flag)), flag);
        }
        assert_eq!(in_flight.len(), 2, "a request without replies does not wait");
        for (flag, ends, expected) in [
            (0, false, "Unexpected"),
            (1, false, "Unexpected"),
            (MAX_FLAG, false, "Partial"),
            (MAX_FLAG, false, "Complete"),
            (MAX_FLAG, false, "Unexpected"),
            (MAX_FLAG + 1, false, "Unexpected"),
            (2, true, "Complete"),
            (2, false, "Unexpected"),
        ] {
            let answer = format!("{:?}", in_flight.answer(flag, ends));
            assert!(answer.starts_with(expected), "{flag}: {answer}");
        }
        assert!(in_flight.is_empty());
    }

    #[test]
    fn connections_begin_far_from_each_other() {
        for last_flag in [97, 201, MAX_FLAG] {
            let first = |nth| InFlight::new(last_flag, nth).push(1, 0);
            let mut flags: Vec<_> = (0..10).map(first).collect();
            flags.sort();
            let least = flags.windows(2).map(|two| two[1] - two[0]).min();
            assert!(least >= Some(last_flag / 20), "{last_flag}: {flags:?}");
            let ends = (flags[0], flags[9] <= last_flag);
            assert_eq!(ends, (1, true), "{last_flag}: {flags:?}");
            let others: HashSet<_> = (0..50).map(first).collect();
            assert!(others.len() > 40, "{last_flag}: {others:?}");
        }
    }

    #[test]
    fn a_reply_that_is_lost_or_late_does_not_make_the_others_wrong() {
        let mut in_flight = begin(MAX_FLAG, MAX_FLAG - 2);
        for replies in [1, 1, 2, 1, 1] {
            in_flight.push(replies, 0);
        }
        for (flag, expected) in [
            (MAX_FLAG, "Complete"),
            // It was sent before.
            (MAX_FLAG - 1, "Overtaken"),
            (MAX_FLAG - 1, "Unexpected"),
            // The one before it is lost.
            (2, "Complete"),
            (3, "Complete"),
            (4, "Unexpected"),
        ] {
            let answer = format!("{:?}", in_flight.answer(flag, false));
            assert!(answer.starts_with(expected), "{flag}: {answer}");
        }
        assert_eq!((in_flight.len(), in_flight.has(1), in_flight.has(2)), (1, true, false));
        assert!(format!("{:?}", in_flight.answer(1, false)).starts_with("Overtaken"), "one of two is enough");
    }

    #[test]
    fn a_reply_that_is_lost_for_many_cycles_does_not_make_others_wrong() {
        let mut in_flight = InFlight::new(4, 0);
        // The second is lost.
        let lost: Vec<_> = (0..3).map(|_| in_flight.push(1, 0)).collect();
        assert_eq!((lost, in_flight.in_a_row()), (vec![1, 2, 3], 3));
        for flag in [1, 3] {
            assert!(matches!(in_flight.answer(flag, true), Answer::Complete(_)), "{flag}");
        }
        for intended in 10..30 {
            let flag = in_flight.push(1, intended);
            assert_eq!(in_flight.in_a_row(), 1);
            let Answer::Complete(request) = in_flight.answer(flag, true) else { panic!("{flag}") };
            assert_eq!((request.flag, request.intended), (flag, intended));
        }
        // Only the lost one is left.
        for (flag, expected) in [(1, "Unexpected"), (2, "Overtaken"), (2, "Unexpected")] {
            let answer = format!("{:?}", in_flight.answer(flag, true));
            assert!(answer.starts_with(expected), "{flag}: {answer}");
        }
        assert_eq!(in_flight.in_a_row(), 0);
    }
}
