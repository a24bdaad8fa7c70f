//! Compares the replies that one client receives with the expected ones.

use std::collections::VecDeque;

use super::invariant::{Invariant, Violation};
use crate::packet::Reply;

/// Replies that may come behind a missing one before that counts as lost.
const MAX_OVERTAKEN: u64 = 16;

/// A reply that a client expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// 0, or why the request is refused.
    pub error_id: u16,
    /// The Flag of the request.
    pub flag: u32,
    /// The command.
    pub cmd: u16,
    /// Data. `None` accepts any.
    pub data: Option<Vec<u8>>,
}

impl Expected {
    fn is_met_by(&self, reply: &Reply<'_>) -> bool {
        self.flag == reply.flag
            && self.cmd == reply.cmd
            && self.error_id == reply.error_id.0
            && self.data.as_ref().is_none_or(|data| data == reply.data)
    }
}

/// The replies that one connection expects.
#[derive(Debug, Default)]
pub(super) struct ExpectedReplies {
    pending: VecDeque<Expected>,
    /// Replies that may come at any time, and whether they must when the connection ends as it should.
    unordered: Vec<(Expected, bool)>,
    /// How many of `pending`, from the front, must have come when the connection ends as it should.
    owed: usize,
    /// Replies that are added from now on are not owed.
    lenient: bool,
    checked: u64,
    /// The last reply that came.
    last: Option<Expected>,
    /// Replies that have not come although later ones have. What follows shows whether they are late or lost.
    missing: Vec<Expected>,
    /// Replies that have come since one is missing.
    since_missing: u64,
}

impl ExpectedReplies {
    /// Expects a reply behind all others.
    pub(super) fn expect(&mut self, reply: Expected) {
        self.pending.push_back(reply);
        if !self.lenient {
            self.owed = self.pending.len();
        }
    }

    /// Expects a reply that may overtake others, and be overtaken.
    pub(super) fn expect_unordered(&mut self, reply: Expected) {
        self.unordered.push((reply, !self.lenient));
    }

    /// Replies that are added from now on need not come if the connection ends, and of the pending ones only
    /// the first `kept` must.
    pub(super) fn allow_missing(&mut self, kept: usize) {
        self.lenient = true;
        self.owed = self.owed.min(kept);
        self.unordered.iter_mut().for_each(|(_, is_owed)| *is_owed = false);
    }

    /// Replies that have not come.
    pub(super) fn pending(&self) -> usize {
        self.pending.len() + self.unordered.len()
    }

    /// Replies that came and were right.
    pub(super) fn checked(&self) -> u64 {
        self.checked
    }

    /// Takes a reply that has come to client `me`. `owner` returns the client that a Flag was given to.
    pub(super) fn take(
        &mut self,
        reply: &Reply<'_>,
        owner: impl Fn(u32) -> Option<u32>,
        me: u32,
    ) -> Result<(), Violation> {
        if let Some(at) = self.unordered.iter().position(|(wanted, _)| wanted.is_met_by(reply)) {
            self.unordered.swap_remove(at);
            self.checked += 1;
            return Ok(());
        }
        let skipped = self.position(reply, owner, me)?;
        self.missing.extend(self.pending.drain(..skipped));
        self.last = self.pending.pop_front();
        self.owed = self.owed.saturating_sub(skipped + 1);
        self.checked += 1;
        self.since_missing += u64::from(!self.missing.is_empty());
        if self.since_missing > MAX_OVERTAKEN { self.check_none_missing() } else { Ok(()) }
    }

    /// Checks that no reply was left out, however the connection ends.
    pub(super) fn check_none_missing(&self) -> Result<(), Violation> {
        let Some(first) = self.missing.first().map(describe) else { return Ok(()) };
        let seen = format!("{} replies were left out; the first is {first}", self.missing.len());
        Err(Violation::new(Invariant::NoReplyLost, seen))
    }

    /// Checks that all replies have come that must when the connection ends as it should.
    pub(super) fn check_complete(&self) -> Result<(), Violation> {
        self.check_none_missing()?;
        let unordered = self.unordered.iter().find(|(_, is_owed)| *is_owed).map(|(reply, _)| reply);
        if self.owed == 0 && unordered.is_none() {
            return Ok(());
        }
        let first = if self.owed > 0 { self.pending.front() } else { unordered };
        let first = first.map(describe).unwrap_or_default();
        Err(Violation::new(
            Invariant::NoReplyLost,
            format!(
                "{} replies had not come when the connection ended; the first is {first}",
                self.pending()
            ),
        ))
    }

    /// How many pending replies are in front of the one that has come. If it is wrong, says in which way.
    fn position(
        &self,
        reply: &Reply<'_>,
        owner: impl Fn(u32) -> Option<u32>,
        me: u32,
    ) -> Result<usize, Violation> {
        let is_same = |wanted: &Expected| wanted.is_met_by(reply);
        if self.pending.front().is_some_and(is_same) {
            return Ok(0);
        }
        let of_request = self.pending.iter().position(|wanted| wanted.flag == reply.flag);
        let invariant = match owner(reply.flag) {
            Some(other) if other != me => Invariant::NoReplyMisdirected,
            None => Invariant::RepliesRight,
            Some(_) if self.missing.iter().any(is_same) => Invariant::RepliesInOrder,
            Some(_) => match (self.pending.iter().position(is_same), of_request) {
                (Some(ahead), _) => return Ok(ahead),
                // One request can have several replies.
                (None, Some(0)) if self.last.as_ref().is_some_and(is_same) => Invariant::NoReplyDoubled,
                (None, Some(_)) => Invariant::RepliesRight,
                (None, None) => Invariant::NoReplyDoubled,
            },
        };
        let next = self.pending.front().map_or("none".to_owned(), describe);
        Err(Violation::new(
            invariant,
            format!(
                "cmd {} flag {:#x} ErrorID {} with {} bytes came, expected: {next}",
                reply.cmd,
                reply.flag,
                reply.error_id.0,
                reply.data.len()
            ),
        ))
    }
}

fn describe(reply: &Expected) -> String {
    let Expected { cmd, flag, error_id, data } = reply;
    match data {
        Some(data) => format!("cmd {cmd} flag {flag:#x} ErrorID {error_id} with {} bytes", data.len()),
        None => format!("cmd {cmd} flag {flag:#x} ErrorID {error_id} with any Data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::ErrorId;

    const ME: u32 = 7;

    fn expected(flag: u32, data: u8) -> Expected {
        Expected { error_id: 0, flag, cmd: 1, data: Some(vec![data]) }
    }

    fn take(
        replies: &mut ExpectedReplies,
        flag: u32,
        data: u8,
        owner: impl Fn(u32) -> Option<u32>,
    ) -> Result<(), Violation> {
        let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag, cmd: 1, data: &[data] };
        replies.take(&reply, owner, ME)
    }

    /// The invariant that these replies break, if 1 to 3 are expected and 9 is another client's.
    fn broken(came: &[(u32, u8)], checks_end: bool) -> Option<Invariant> {
        let mut replies = ExpectedReplies::default();
        (1..=3).for_each(|flag| replies.expect(expected(flag, flag as u8)));
        let owner = |flag| [(1, ME), (2, ME), (3, ME), (9, 8)].iter().find(|it| it.0 == flag).map(|it| it.1);
        let result = came.iter().try_for_each(|&(flag, data)| take(&mut replies, flag, data, owner));
        let result = result.and_then(|()| if checks_end { replies.check_complete() } else { Ok(()) });
        result.err().map(|violation| violation.invariant)
    }

    #[test]
    fn each_kind_of_wrong_reply_breaks_its_invariant() {
        type Case = (&'static [(u32, u8)], bool, Option<Invariant>);
        let cases: [Case; 9] = [
            (&[(1, 1), (2, 2), (3, 3)], true, None),
            (&[(1, 1), (2, 2)], false, None),
            (&[(1, 1), (2, 2)], true, Some(Invariant::NoReplyLost)),
            (&[(1, 1), (3, 3)], true, Some(Invariant::NoReplyLost)),
            (&[(1, 1), (3, 3), (2, 2)], true, Some(Invariant::RepliesInOrder)),
            (&[(1, 1), (1, 1)], true, Some(Invariant::NoReplyDoubled)),
            (&[(9, 1)], true, Some(Invariant::NoReplyMisdirected)),
            (&[(1, 2)], true, Some(Invariant::RepliesRight)),
            (&[(5, 1)], true, Some(Invariant::RepliesRight)),
        ];
        for (came, checks_end, invariant) in cases {
            assert_eq!(broken(came, checks_end), invariant, "{came:?}");
        }
    }

    #[test]
    fn a_garbled_reply_among_several_to_one_request_does_not_count_as_doubled() {
        for (second, invariant) in
            [(2, None), (1, Some(Invariant::NoReplyDoubled)), (7, Some(Invariant::RepliesRight))]
        {
            let mut replies = ExpectedReplies::default();
            [1, 2].into_iter().for_each(|data| replies.expect(expected(1, data)));
            let result = [1, second].iter().try_for_each(|&data| take(&mut replies, 1, data, |_| Some(ME)));
            assert_eq!(result.err().map(|violation| violation.invariant), invariant, "{second}");
        }
    }

    #[test]
    fn an_unordered_reply_may_come_at_any_time_and_must_come() {
        for (came, is_complete) in [
            (&[(5, 5), (1, 1), (2, 2)][..], true),
            (&[(1, 1), (5, 5), (2, 2)], true),
            (&[(1, 1), (2, 2), (5, 5)], true),
            (&[(1, 1), (2, 2)], false),
            (&[(1, 1), (5, 5)], false),
        ] {
            let mut replies = ExpectedReplies::default();
            replies.expect(expected(1, 1));
            replies.expect_unordered(expected(5, 5));
            replies.expect(expected(2, 2));
            came.iter().try_for_each(|&(flag, data)| take(&mut replies, flag, data, |_| Some(ME))).unwrap();
            assert_eq!(replies.check_complete().is_ok(), is_complete, "{came:?}");
            assert_eq!(replies.pending() == 0, is_complete);
            assert!(take(&mut replies, 5, 6, |_| Some(ME)).is_err(), "{came:?}");
        }
    }

    #[test]
    fn replies_may_be_missing_from_where_that_is_allowed() {
        let mut replies = ExpectedReplies::default();
        replies.expect(expected(1, 1));
        replies.allow_missing(usize::MAX);
        replies.expect(expected(2, 2));
        assert_eq!(replies.pending(), 2);
        assert!(replies.check_complete().is_err());
        replies.allow_missing(0);
        assert!(replies.check_complete().is_ok());
    }
}
