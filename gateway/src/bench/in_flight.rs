//! The requests of one connection that wait for replies. Replies should come in the order of their requests;
//! one that is lost, or late, does not make the others wrong.

use std::collections::VecDeque;

/// The Flags of requests count from 1 to this one; those above are for logins and the like.
pub(super) const MAX_FLAG: u32 = u32::MAX - 16;

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) flag: u32,
    /// Replies that are still to come, at least one.
    left: u32,
    /// A later request was answered before it.
    is_overtaken: bool,
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
#[derive(Debug, Default)]
pub(super) struct InFlight {
    requests: VecDeque<Pending>,
    last_flag: u32,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The Flag of the next request.
    pub(super) fn next_flag(&mut self) -> u32 {
        self.last_flag = if self.last_flag >= MAX_FLAG { 1 } else { self.last_flag + 1 };
        self.last_flag
    }

    /// A request was sent that has so many replies.
    pub(super) fn push(&mut self, flag: u32, replies: u32, intended: u64) {
        if replies > 0 {
            self.requests.push_back(Pending { flag, left: replies, is_overtaken: false, intended });
        }
    }

    /// The oldest request.
    pub(super) fn oldest(&self) -> Option<Pending> {
        self.requests.front().copied()
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

    /// Where a request is. Flags count up from that of the oldest.
    fn position(&self, flag: u32) -> Option<usize> {
        let oldest = self.requests.front()?.flag;
        if flag == oldest {
            return Some(0);
        }
        let distance = |flag: u32| flag.wrapping_sub(oldest);
        self.requests.binary_search_by_key(&distance(flag), |request| distance(request.flag)).ok()
    }

    /// Takes all that still wait.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Pending> {
        self.requests.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_in_the_order_of_their_requests() {
        let mut in_flight = InFlight { last_flag: MAX_FLAG - 1, ..InFlight::default() };
        let flags = [(); 3].map(|()| in_flight.next_flag());
        assert_eq!(flags, [MAX_FLAG, 1, 2]);
        for (flag, replies) in [(MAX_FLAG, 2), (1, 0), (2, 3)] {
            in_flight.push(flag, replies, u64::from(flag));
        }
        assert_eq!(in_flight.len(), 2, "a request without replies does not wait");
        for (flag, ends, expected) in [
            (1, false, "Unexpected"),
            (MAX_FLAG, false, "Partial"),
            (MAX_FLAG, false, "Complete"),
            (MAX_FLAG, false, "Unexpected"),
            (2, true, "Complete"),
            (2, false, "Unexpected"),
        ] {
            let answer = format!("{:?}", in_flight.answer(flag, ends));
            assert!(answer.starts_with(expected), "{flag}: {answer}");
        }
        assert!(in_flight.is_empty());
    }

    #[test]
    fn a_reply_that_is_lost_or_late_does_not_make_the_others_wrong() {
        let mut in_flight = InFlight { last_flag: MAX_FLAG - 2, ..InFlight::default() };
        for replies in [1, 1, 2, 1, 1] {
            let flag = in_flight.next_flag();
            in_flight.push(flag, replies, 0);
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
}
