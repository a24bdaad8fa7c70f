//! The requests of one connection that wait for replies. Replies come in the order of their requests.

use std::collections::VecDeque;

/// The Flags of requests count from 1 to this one; those above are for logins and the like.
pub(super) const MAX_FLAG: u32 = u32::MAX - 16;

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) flag: u32,
    /// Replies that are still to come, at least one.
    left: u32,
    /// When it should have been sent.
    pub(super) intended: u64,
}

/// What a reply is to the requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The last one to the oldest request.
    Complete(Pending),
    /// One of several to the oldest request, more of which are to come.
    Partial,
    /// No reply to the oldest request.
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
            self.requests.push_back(Pending { flag, left: replies, intended });
        }
    }

    /// The oldest request.
    pub(super) fn oldest(&self) -> Option<Pending> {
        self.requests.front().copied()
    }

    /// A reply with this Flag has come. With `ends` no other reply to the request comes: it was refused.
    pub(super) fn answer(&mut self, flag: u32, ends: bool) -> Answer {
        let Some(oldest) = self.requests.front_mut().filter(|oldest| oldest.flag == flag) else {
            return Answer::Unexpected;
        };
        oldest.left -= 1;
        if oldest.left > 0 && !ends {
            return Answer::Partial;
        }
        self.requests.pop_front().map_or(Answer::Unexpected, Answer::Complete)
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
            (2, false, "Unexpected"),
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
}
