//! Compares the bytes that one client receives with its expectations.

use std::collections::VecDeque;

use super::expected_replies::{Expected, ExpectedReplies};
use super::invariant::{Invariant, Violation};
use super::receiver::{Incoming, Malformed, Receiver};
use crate::packet::Reply;

/// Something that the oracle leaves to the session or its script.
#[derive(Debug)]
pub(super) enum Delivered {
    /// A packet that answers no request: its command and Data.
    Push(u16, Vec<u8>),
    /// A reply that was expected.
    Reply(Expected),
    /// A message that is not a packet, and whether it is text.
    Message(bool, Vec<u8>),
    /// The server expects a Pong.
    Ping(Vec<u8>),
    /// The answer to the upgrade, or a Close frame: see `status` and `closed`.
    Other,
}

/// The expectations of one connection, and its progress through them.
#[derive(Debug)]
pub(super) struct Oracle {
    pub(super) receiver: Receiver,
    pub(super) replies: ExpectedReplies,
    /// Payloads of the Pings that are not answered.
    pings: VecDeque<Vec<u8>>,
    last_pong: Option<Vec<u8>>,
    /// The HTTP status that answered the upgrade.
    pub(super) status: Option<u16>,
    /// The server's Close frame, with its code if it has one.
    pub(super) closed: Option<Option<u16>>,
    /// Whether binary messages are packets.
    packets: bool,
    /// Whether replies are delivered too.
    pub(super) reports_replies: bool,
}

impl Oracle {
    pub(super) fn new(key: &str, packets: bool) -> Self {
        Oracle {
            receiver: Receiver::new(key),
            replies: ExpectedReplies::default(),
            pings: VecDeque::new(),
            last_pong: None,
            status: None,
            closed: None,
            packets,
            reports_replies: false,
        }
    }

    pub(super) fn expect_pong(&mut self, payload: Vec<u8>) {
        self.pings.push_back(payload);
    }

    /// Whether all replies and Pongs that are expected have come.
    pub(super) fn is_answered(&self) -> bool {
        // It is unknown which of several equal Pings was answered. If it was the newest, no other Pong comes.
        let newest = self.pings.back();
        self.replies.pending() == 0 && newest.is_none_or(|newest| Some(newest) == self.last_pong.as_ref())
    }

    /// Checks received bytes, up to the next item that is not for the oracle. `owner` returns the client that
    /// a Flag was given to.
    pub(super) fn next(
        &mut self,
        owner: impl Fn(u32) -> Option<u32>,
        me: u32,
    ) -> Result<Option<Delivered>, Violation> {
        loop {
            let incoming = self.receiver.next();
            let incoming = incoming.map_err(|Malformed(seen)| Violation::new(Invariant::WellFormed, seen))?;
            let Some(incoming) = incoming else { return Ok(None) };
            return Ok(Some(match incoming {
                Incoming::Status(status) => {
                    self.status = Some(status);
                    Delivered::Other
                }
                Incoming::Close(code) => {
                    self.closed = Some(code);
                    Delivered::Other
                }
                Incoming::Ping(payload) => Delivered::Ping(payload.to_vec()),
                Incoming::Pong(payload) => {
                    self.last_pong = take_pong(&mut self.pings, payload)?;
                    continue;
                }
                Incoming::Message { text: false, payload } if self.packets => {
                    let reply = Reply::parse(payload).map_err(|fault| {
                        Violation::new(Invariant::WellFormed, format!("not a packet: {fault:?}"))
                    })?;
                    if reply.flag == 0 {
                        Delivered::Push(reply.cmd, reply.data.to_vec())
                    } else {
                        self.replies.take(&reply, &owner, me)?;
                        if !self.reports_replies {
                            continue;
                        }
                        let (error_id, data) = (reply.error_id.0, Some(reply.data.to_vec()));
                        Delivered::Reply(Expected { error_id, flag: reply.flag, cmd: reply.cmd, data })
                    }
                }
                Incoming::Message { text, payload } => Delivered::Message(text, payload.to_vec()),
            }));
        }
    }
}

/// Removes the Ping that a Pong answers, and those before it: a server may answer the newest of several only.
fn take_pong(pings: &mut VecDeque<Vec<u8>>, payload: &[u8]) -> Result<Option<Vec<u8>>, Violation> {
    let Some(answered) = pings.iter().position(|ping| ping == payload) else {
        let next = pings.front();
        let seen = format!("a Pong of {payload:?} came, and {next:?} was expected, or a later one");
        return Err(Violation::new(Invariant::PongsInOrder, seen));
    };
    pings.drain(..answered);
    Ok(pings.pop_front())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Opcode, push_frame};

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
            assert!(matches!(oracle.next(|_| None, 7), Ok(None)));
            assert_eq!(oracle.is_answered(), is_answered, "{pings:?} {pongs:?}");
        }
    }
}
