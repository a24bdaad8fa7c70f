//! What one client is to be sent, known from what it has sent itself, and held against what comes.

use std::collections::VecDeque;

use super::invariant::{Invariant, Violation};
use super::receiver::{Incoming, Malformed, Receiver};
use crate::packet::Reply;

/// One reply that a client expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// 0, or why the request is refused.
    pub error_id: u16,
    /// The Flag of the request.
    pub flag: u32,
    /// The command.
    pub cmd: u16,
    /// Data; none if any will do.
    pub data: Option<Vec<u8>>,
}

/// What has come for the script to look at.
#[derive(Debug)]
pub(super) enum News {
    /// A packet that nobody asked for: its command and Data.
    Push(u16, Vec<u8>),
    /// A message that is no packet.
    Message(bool, Vec<u8>),
    /// The server wants a Pong.
    Ping(Vec<u8>),
    /// The answer to the upgrade, or a Close frame: see the oracle.
    Other,
}

/// The expectations of one connection.
#[derive(Debug)]
pub(super) struct Oracle {
    pub(super) receiver: Receiver,
    replies: VecDeque<Expected>,
    /// So many of `replies`, from the front, must have come when the connection ends as it should.
    owed: usize,
    /// From here on a reply may be missing at the end.
    lenient: bool,
    pings: VecDeque<Vec<u8>>,
    last_pong: Option<Vec<u8>>,
    pub(super) status: Option<u16>,
    pub(super) closed: Option<Option<u16>>,
    /// Whether binary messages are packets.
    packets: bool,
    /// Replies that came and were right.
    pub(super) checked: u64,
    /// The last one.
    last: Option<Expected>,
    /// Those that have not come although ones behind them have. What follows tells whether they are late or lost.
    missing: Vec<Expected>,
    /// Replies that have come since.
    since_missing: u64,
}

/// Replies that may come behind one that is missing before it counts as lost.
const MAX_OVERTAKEN: u64 = 16;

impl Oracle {
    pub(super) fn new(key: &str, packets: bool) -> Self {
        Oracle {
            receiver: Receiver::new(key),
            replies: VecDeque::new(),
            owed: 0,
            lenient: false,
            pings: VecDeque::new(),
            last_pong: None,
            status: None,
            closed: None,
            packets,
            checked: 0,
            last: None,
            missing: vec![],
            since_missing: 0,
        }
    }

    pub(super) fn expect(&mut self, reply: Expected) {
        self.replies.push_back(reply);
        if !self.lenient {
            self.owed = self.replies.len();
        }
    }

    pub(super) fn expect_pong(&mut self, payload: Vec<u8>) {
        self.pings.push_back(payload);
    }

    /// From now on what is expected may also not come, if the connection ends; but for the first `kept` of what is
    /// expected now.
    pub(super) fn relent(&mut self, kept: usize) {
        self.lenient = true;
        self.owed = self.owed.min(kept);
    }

    /// Whether all replies and Pongs that are expected have come.
    pub(super) fn is_answered(&self) -> bool {
        // Of Pings that are alike nobody can tell which one was answered. If it was the newest, no other Pong comes.
        let newest = self.pings.back();
        self.replies.is_empty() && newest.is_none_or(|newest| Some(newest) == self.last_pong.as_ref())
    }

    /// Replies that are expected and have not come.
    pub(super) fn pending(&self) -> usize {
        self.replies.len()
    }

    /// Takes the next thing that has come. What the script has to look at is given out.
    pub(super) fn next(
        &mut self,
        owner: impl Fn(u32) -> Option<u32>,
        me: u32,
    ) -> Result<Option<News>, Violation> {
        loop {
            let incoming = self
                .receiver
                .next()
                .map_err(|Malformed(what)| Violation::new(Invariant::WellFormed, what))?;
            let Some(incoming) = incoming else { return Ok(None) };
            return Ok(Some(match incoming {
                Incoming::Status(status) => {
                    self.status = Some(status);
                    News::Other
                }
                Incoming::Close(code) => {
                    self.closed = Some(code);
                    News::Other
                }
                Incoming::Ping(payload) => News::Ping(payload.to_vec()),
                Incoming::Pong(payload) => {
                    // The newest Pong takes the place of those that wait: some may be left out.
                    let answered = self.pings.iter().position(|ping| ping == payload);
                    let answered = answered.ok_or_else(|| {
                        let next = self.pings.front();
                        let seen = format!(
                            "a Pong of {payload:?} came, and {next:?} was expected, or one behind it"
                        );
                        Violation::new(Invariant::PongsInOrder, seen)
                    })?;
                    self.pings.drain(..answered);
                    self.last_pong = self.pings.pop_front();
                    continue;
                }
                Incoming::Message { text: false, payload } if self.packets => {
                    let reply = Reply::parse(payload).map_err(|fault| {
                        Violation::new(Invariant::WellFormed, format!("a packet that is none: {fault:?}"))
                    })?;
                    if reply.flag == 0 {
                        News::Push(reply.cmd, reply.data.to_vec())
                    } else {
                        let skipped =
                            judge(&self.replies, &self.missing, self.last.as_ref(), &reply, &owner, me)?;
                        self.missing.extend(self.replies.drain(..skipped));
                        self.last = self.replies.pop_front();
                        self.owed = self.owed.saturating_sub(skipped + 1);
                        self.checked += 1;
                        self.since_missing += u64::from(!self.missing.is_empty());
                        if self.since_missing > MAX_OVERTAKEN {
                            self.check_none_missing()?;
                        }
                        continue;
                    }
                }
                Incoming::Message { text, payload } => News::Message(text, payload.to_vec()),
            }));
        }
    }

    /// Whether there is no gap in what has come, however the connection ends.
    pub(super) fn check_none_missing(&self) -> Result<(), Violation> {
        let Some(first) = self.missing.first().map(describe) else { return Ok(()) };
        let seen = format!("{} replies were left out; the first is {first}", self.missing.len());
        Err(Violation::new(Invariant::NoReplyLost, seen))
    }

    /// Whether all has come that must have when a connection ends as it should.
    pub(super) fn check_complete(&self) -> Result<(), Violation> {
        self.check_none_missing()?;
        if self.owed == 0 {
            return Ok(());
        }
        let first = self.replies.front().map(describe).unwrap_or_default();
        Err(Violation::new(
            Invariant::NoReplyLost,
            format!("{} replies had not come when the connection ended; the first is {first}", self.owed),
        ))
    }
}

fn describe(reply: &Expected) -> String {
    format!(
        "cmd {} flag {:#x} ErrorID {} with {:?} bytes",
        reply.cmd,
        reply.flag,
        reply.error_id,
        reply.data.as_ref().map(Vec::len)
    )
}

/// Holds a reply against what is expected, and tells the ways of being wrong apart. How many replies in front of it
/// have not come.
fn judge(
    expected: &VecDeque<Expected>,
    missing: &[Expected],
    last: Option<&Expected>,
    reply: &Reply<'_>,
    owner: impl Fn(u32) -> Option<u32>,
    me: u32,
) -> Result<usize, Violation> {
    let is_same = |wanted: &Expected| {
        wanted.flag == reply.flag
            && wanted.cmd == reply.cmd
            && wanted.error_id == reply.error_id.0
            && wanted.data.as_ref().is_none_or(|data| data == reply.data)
    };
    if expected.front().is_some_and(is_same) {
        return Ok(0);
    }
    let of_request = expected.iter().position(|wanted| wanted.flag == reply.flag);
    let invariant = match owner(reply.flag) {
        Some(other) if other != me => Invariant::NoReplyMisdirected,
        None => Invariant::RepliesRight,
        Some(_) if missing.iter().any(is_same) => Invariant::RepliesInOrder,
        Some(_) => match (expected.iter().position(is_same), of_request) {
            (Some(ahead), _) => return Ok(ahead),
            // One request can have several replies.
            (None, Some(0)) if last.is_some_and(is_same) => Invariant::NoReplyDoubled,
            (None, Some(_)) => Invariant::RepliesRight,
            (None, None) => Invariant::NoReplyDoubled,
        },
    };
    let next = expected.front().map_or("none".to_owned(), describe);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Opcode, push_frame};
    use crate::packet::{ErrorId, push_packet};

    const ME: u32 = 7;

    fn expected(flag: u32) -> Expected {
        Expected { error_id: 0, flag, cmd: 1, data: Some(vec![flag as u8]) }
    }

    /// What becomes of replies with these Flags, where 1 to 3 are expected and 9 is somebody else's.
    fn verdict(flags: &[(u32, u8)], checks_end: bool) -> Option<Invariant> {
        let mut oracle = Oracle::new("", true);
        (1..=3).for_each(|flag| oracle.expect(expected(flag)));
        oracle.receiver = Receiver::open();
        for &(flag, data) in flags {
            push_packet(
                oracle.receiver.buffer(),
                &Reply { error_id: ErrorId::NONE, data_status: 0, flag, cmd: 1, data: &[data] },
            );
        }
        let owner = |flag| {
            [(1, ME), (2, ME), (3, ME), (9, 8)].iter().find(|(f, _)| *f == flag).map(|(_, owner)| *owner)
        };
        let result = oracle.next(owner, ME).map(|news| assert!(news.is_none()));
        let result = result.and_then(|()| if checks_end { oracle.check_complete() } else { Ok(()) });
        result.err().map(|violation| violation.invariant)
    }

    #[test]
    fn each_way_of_being_wrong_has_its_name() {
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
        for (flags, checks_end, verdict_expected) in cases {
            assert_eq!(verdict(flags, checks_end), verdict_expected, "{flags:?}");
        }
    }

    #[test]
    fn of_several_replies_to_one_request_a_garbled_one_is_no_doubled_one() {
        for (second, verdict_expected) in
            [(2, None), (1, Some(Invariant::NoReplyDoubled)), (7, Some(Invariant::RepliesRight))]
        {
            let mut oracle = Oracle::new("", true);
            oracle.receiver = Receiver::open();
            for data in [1, 2] {
                oracle.expect(Expected { data: Some(vec![data]), ..expected(1) });
            }
            for data in [1, second] {
                let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 1, cmd: 1, data: &[data] };
                push_packet(oracle.receiver.buffer(), &reply);
            }
            let result = oracle.next(|_| Some(ME), ME);
            assert_eq!(result.err().map(|violation| violation.invariant), verdict_expected, "{second}");
        }
    }

    #[test]
    fn what_may_be_missing_is_what_was_asked_for_later() {
        let mut oracle = Oracle::new("", true);
        oracle.expect(expected(1));
        oracle.relent(usize::MAX);
        oracle.expect(expected(2));
        assert_eq!(oracle.pending(), 2);
        assert!(oracle.check_complete().is_err());
        oracle.relent(0);
        assert!(oracle.check_complete().is_ok());
    }

    #[test]
    fn the_newest_ping_may_be_the_one_that_was_answered() {
        for (pings, pongs, is_answered) in [
            (&[&b"a"[..], b"b"][..], &[&b"a"[..]][..], false),
            (&[b"a", b"b"], &[b"b"], true),
            (&[b"a", b"a"], &[b"a"], true),
            (&[b"a", b"b", b"a"], &[b"a"], true),
            (&[b"a", b"b", b"a"], &[b"a", b"b"], false),
            (&[b"a", b"b", b"a"], &[b"a", b"b", b"a"], true),
        ] {
            let mut oracle = Oracle::new("", true);
            oracle.receiver = Receiver::open();
            pings.iter().for_each(|ping| oracle.expect_pong(ping.to_vec()));
            pongs.iter().for_each(|pong| push_frame(oracle.receiver.buffer(), Opcode::Pong, pong));
            assert!(matches!(oracle.next(|_| None, ME), Ok(None)));
            assert_eq!(oracle.is_answered(), is_answered, "{pings:?} {pongs:?}");
        }
    }
}
