//! The Flags of a client's requests: which are in use, and which comes next.

use std::collections::{HashMap, VecDeque};

use super::packets::Packet;

/// The most replies to one request that wait for the caller. Others are dropped, and counted.
const MAX_WAITING: usize = 256;

/// The requests that wait for replies, and their replies that wait for the caller.
#[derive(Debug, Default)]
pub(super) struct Flags {
    last: u32,
    open: HashMap<u32, VecDeque<Packet>>,
}

impl Flags {
    /// Begins a request. Flags count from 1, wrap, and skip 0 and those in use.
    pub(super) fn open(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.open.contains_key(&self.last) {
                self.open.insert(self.last, VecDeque::new());
                return self.last;
            }
        }
    }

    /// Ends a request: later replies are dropped.
    pub(super) fn close(&mut self, flag: u32) {
        self.open.remove(&flag);
    }

    /// Keeps a reply for the caller. False: nobody waits for it, or too many wait.
    pub(super) fn keep(&mut self, reply: Packet) -> bool {
        match self.open.get_mut(&reply.flag) {
            Some(replies) if replies.len() < MAX_WAITING => {
                replies.push_back(reply);
                true
            }
            Some(_) | None => false,
        }
    }

    /// The next reply to a request that has come already.
    pub(super) fn take(&mut self, flag: u32) -> Option<Packet> {
        self.open.get_mut(&flag)?.pop_front()
    }

    /// The Flags count on from this one.
    pub(super) fn set_last(&mut self, last: u32) {
        self.last = last;
    }
}
