//! One simulated client, as its script moves it: what it sends, what it expects, and how it means to end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::flags::Flags;
use super::oracle::{Expected, Oracle};
use super::random::Random;
use super::script::End;
use crate::frame::{Opcode, push_masked_frame};
use crate::packet::{self, push_request};
use crate::record::Peer;

/// What a client has asked of its connection since the simulation last saw to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    pub(super) half_close: bool,
    pub(super) reset: bool,
}

/// A client in the hands of its script.
pub struct Player {
    number: u32,
    peer: Peer,
    pub(super) now: Duration,
    random: Random,
    flags: Rc<RefCell<Flags>>,
    key: String,
    pub(super) outgoing: Vec<u8>,
    /// Bytes of `outgoing` that have left.
    pub(super) left: usize,
    /// At most so many bytes leave at once, and the next so long after them.
    pub(super) pace: Option<(usize, Duration)>,
    pub(super) orders: Orders,
    /// What comes is not taken.
    pub(super) is_deaf: bool,
    answers_pings: bool,
    /// It does not end its side when the server has closed.
    pub(super) lingers: bool,
    asked: bool,
    pub(super) oracle: Oracle,
    pub(super) ends: Vec<End>,
    pub(super) other_ends: Vec<End>,
    pub(super) earliest: Duration,
    /// So long after that moment at the latest, or after the server has accepted it, which may come later.
    pub(super) latest: Option<(Duration, Duration)>,
    pub(super) said_goodbye: bool,
    /// It has sent a Close frame of its own, or bytes that can be anything.
    pub(super) sent_close: bool,
    pub(super) sent_raw: bool,
    /// At some time it did not take what came.
    pub(super) was_deaf: bool,
}

impl Player {
    pub(super) fn new(
        number: u32,
        peer: Peer,
        now: Duration,
        mut random: Random,
        flags: Rc<RefCell<Flags>>,
        packets: bool,
    ) -> Self {
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        let key = STANDARD.encode(nonce);
        let oracle = Oracle::new(&key, packets);
        Player {
            number,
            peer,
            now,
            random,
            flags,
            key,
            outgoing: vec![],
            left: 0,
            pace: None,
            orders: Orders::default(),
            is_deaf: false,
            answers_pings: true,
            lingers: false,
            asked: false,
            oracle,
            ends: vec![],
            other_ends: vec![],
            earliest: Duration::ZERO,
            latest: None,
            said_goodbye: false,
            sent_close: false,
            sent_raw: false,
            was_deaf: false,
        }
    }

    /// Its number, from 0.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The address that it connects from, which no other connection of the simulation has.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The time since the simulation began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The client's own sequence of numbers, which follows from the seed and from its number.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Whether the upgrade was accepted, and the server has not closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.oracle.status == Some(101) && self.oracle.closed.is_none()
    }

    /// The key that it sends in its upgrade request.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A valid upgrade request for this path, as it can be sent with [`raw`](Self::raw), whole or not.
    #[must_use]
    pub fn upgrade_request(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nHost: simulated\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
            self.key
        )
        .into_bytes()
    }

    /// Asks for the upgrade. [`Next::Answered`](super::Next::Answered) waits for the answer.
    pub fn upgrade(&mut self) {
        let request = self.upgrade_request("/");
        self.asked = true;
        self.outgoing.extend_from_slice(&request);
    }

    /// Sends any bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.sent_raw = true;
        self.outgoing.extend_from_slice(bytes);
    }

    /// Sends a frame as it should be: masked, with its length in the shortest form.
    pub fn frame(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) {
        self.sent_close |= opcode == Opcode::Close;
        let key = (self.random.number() as u32).to_ne_bytes();
        push_masked_frame(&mut self.outgoing, fin, opcode, key, payload);
    }

    /// Sends a Ping, and expects its Pong.
    pub fn ping(&mut self, payload: &[u8]) {
        self.frame(true, Opcode::Ping, payload);
        self.oracle.expect_pong(payload.to_vec());
    }

    /// A Flag that no other request of the simulation has.
    pub fn flag(&mut self) -> u32 {
        self.flags.borrow_mut().give(self.number)
    }

    /// A packet to the server, without a frame, and its Flag.
    pub fn packet(&mut self, cmd: u16, data: &[u8]) -> (u32, Vec<u8>) {
        let flag = self.flag();
        let mut packet = Vec::with_capacity(packet::REQUEST_HEADER_BYTES + data.len());
        push_request(&mut packet, &packet::Request { data_status: 0, flag, cmd, data });
        (flag, packet)
    }

    /// Sends a request, whose replies are still to be [expected](Self::expect). Its Flag.
    pub fn request(&mut self, cmd: u16, data: &[u8]) -> u32 {
        let (flag, packet) = self.packet(cmd, data);
        self.frame(true, Opcode::Binary, &packet);
        flag
    }

    /// Sends a request, and expects one reply with this Data.
    pub fn call(&mut self, cmd: u16, data: &[u8], reply: &[u8]) {
        let flag = self.request(cmd, data);
        self.expect(Expected { error_id: 0, flag, cmd, data: Some(reply.to_vec()) });
    }

    /// Sends a request, and expects that it is refused with this ErrorID.
    pub fn call_refused(&mut self, cmd: u16, data: &[u8], error_id: u16) {
        let flag = self.request(cmd, data);
        self.expect(Expected { error_id, flag, cmd, data: Some(vec![]) });
    }

    /// Expects a reply, behind all that were expected before.
    pub fn expect(&mut self, reply: Expected) {
        self.oracle.expect(reply);
    }

    /// What is expected from now on may also not come if the connection ends first, and of what is expected already
    /// only the first `kept` must.
    pub fn relent(&mut self, kept: usize) {
        self.oracle.relent(kept);
    }

    /// Replies that are expected and have not come.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.oracle.pending()
    }

    /// Sends a Close frame, and expects the same code back.
    pub fn close(&mut self, code: u16) {
        self.frame(true, Opcode::Close, &code.to_be_bytes());
        self.said_goodbye = true;
        self.must_end(&[End::Closed(Some(code))]);
    }

    /// Sends no more; replies are still taken. Bytes that have not left yet go first.
    pub fn half_close(&mut self) {
        self.orders.half_close = true;
        self.said_goodbye = true;
        if self.ends.is_empty() {
            self.must_end(&[End::Silent]);
        }
    }

    /// Resets the connection: at once, whatever has not left yet.
    pub fn reset(&mut self) {
        self.orders.reset = true;
        self.relent(0);
    }

    /// The connection is to end in one of these ways, and in no other that the network does not bring about.
    pub fn must_end(&mut self, ends: &[End]) {
        self.ends = ends.to_vec();
    }

    /// It can also end in these ways, at any time, and then replies may be missing at the end.
    pub fn may_end(&mut self, ends: &[End]) {
        self.other_ends.extend_from_slice(ends);
    }

    /// It is to end not earlier than after `earliest` from now, and before `latest` from now. For one that the server
    /// has yet to accept `latest` counts from then.
    pub fn must_end_within(&mut self, earliest: Duration, latest: Duration) {
        self.earliest = self.now + earliest;
        self.latest = Some((self.now, latest));
    }

    /// Takes nothing that comes, or takes it again.
    pub fn set_deaf(&mut self, is_deaf: bool) {
        self.is_deaf = is_deaf;
        self.was_deaf |= is_deaf;
    }

    /// Whether the server's Pings are answered; they are, unless it is switched off. A client that sends frames in parts by
    /// [`raw`](Self::raw) has to switch it off.
    pub fn set_answers_pings(&mut self, answers: bool) {
        self.answers_pings = answers;
    }

    /// Whether it leaves the connection open after the server has closed, as no honest client does.
    pub fn set_lingers(&mut self, lingers: bool) {
        self.lingers = lingers;
    }

    /// From now on at most so many bytes leave at once, one piece each `every`.
    pub fn set_pace(&mut self, most_bytes: usize, every: Duration) {
        self.pace = Some((most_bytes.max(1), every));
    }

    /// All at once again.
    pub fn clear_pace(&mut self) {
        self.pace = None;
    }

    /// A Ping has come.
    pub(super) fn pinged(&mut self, payload: &[u8]) {
        if self.answers_pings && !self.said_goodbye {
            self.frame(true, Opcode::Pong, payload);
        }
    }

    /// Whether it waits for nothing.
    pub(super) fn is_answered(&self) -> bool {
        let upgraded = !self.asked || self.oracle.status.is_some();
        upgraded && self.left == self.outgoing.len() && self.oracle.is_answered()
    }

    /// Bytes that are to leave now.
    pub(super) fn next_piece(&self) -> &[u8] {
        let rest = self.outgoing.get(self.left..).unwrap_or_default();
        let most = self.pace.map_or(usize::MAX, |(most, _)| most);
        rest.get(..most.min(rest.len())).unwrap_or_default()
    }

    /// What has not left yet never will.
    pub(super) fn drop_outgoing(&mut self) {
        self.outgoing.clear();
        self.left = 0;
        self.pace = None;
    }

    /// So many of them have left.
    pub(super) fn note_left(&mut self, count: usize) {
        self.left += count;
        if self.left == self.outgoing.len() {
            self.outgoing.clear();
            self.left = 0;
        }
    }
}
