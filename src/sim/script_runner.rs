//! The calls of a script on its connection: send, expect, and end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::expected_replies::Expected;
use super::flags::Flags;
use super::oracle::Oracle;
use super::outgoing::Outgoing;
use super::random::Random;
use super::script::End;
use crate::frame::{Opcode, push_masked_frame};
use crate::packet::{self, push_request};
use crate::record::Peer;

/// Ends that the script has requested.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Orders {
    pub(super) half_close: bool,
    pub(super) reset: bool,
}

/// Carries out one client's script on one connection: sends for it, and notes its expectations.
pub struct ScriptRunner {
    number: u32,
    peer: Peer,
    pub(super) now: Duration,
    random: Random,
    flags: Rc<RefCell<Flags>>,
    key: String,
    pub(super) outgoing: Outgoing,
    pub(super) orders: Orders,
    /// The client does not receive.
    pub(super) has_stopped_receiving: bool,
    answers_pings: bool,
    /// The client keeps its direction open after the server has closed.
    pub(super) ignores_close: bool,
    has_requested_upgrade: bool,
    pub(super) oracle: Oracle,
    pub(super) ends: Vec<End>,
    pub(super) other_ends: Vec<End>,
    pub(super) earliest: Duration,
    /// The latest end: a duration after that time, or after the server has accepted the client, if that is
    /// later.
    pub(super) latest: Option<(Duration, Duration)>,
    /// The script has closed or half-closed the connection.
    pub(super) has_closed: bool,
    /// The client has sent a Close frame of its own.
    pub(super) sent_close: bool,
    /// The client has sent raw bytes, which can be anything.
    pub(super) sent_raw: bool,
    /// At some time the client did not receive.
    pub(super) ever_stopped_receiving: bool,
}

impl ScriptRunner {
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
        ScriptRunner {
            number,
            peer,
            now,
            random,
            flags,
            key,
            outgoing: Outgoing::default(),
            orders: Orders::default(),
            has_stopped_receiving: false,
            answers_pings: true,
            ignores_close: false,
            has_requested_upgrade: false,
            oracle,
            ends: vec![],
            other_ends: vec![],
            earliest: Duration::ZERO,
            latest: None,
            has_closed: false,
            sent_close: false,
            sent_raw: false,
            ever_stopped_receiving: false,
        }
    }

    /// The client's number, from 0.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The client's address, which no other connection of the simulation has.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The time since the simulation began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The client's own random numbers, which follow from the seed and the client's number.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Whether the upgrade was accepted and no Close frame has come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.oracle.status == Some(101) && self.oracle.closed.is_none()
    }

    /// The `Sec-WebSocket-Key` of the upgrade request.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A valid upgrade request for this path, to be sent with [`raw`](Self::raw), whole or in part.
    #[must_use]
    pub fn upgrade_request(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nHost: simulated\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
            self.key
        )
        .into_bytes()
    }

    /// Sends a valid upgrade request for the path `/`. [`Next::Answered`](super::Next::Answered) waits for
    /// the answer.
    pub fn upgrade(&mut self) {
        self.upgrade_to("/");
    }

    /// Sends a valid upgrade request for this path, which may have a query.
    pub fn upgrade_to(&mut self, path: &str) {
        let request = self.upgrade_request(path);
        self.has_requested_upgrade = true;
        self.outgoing.buffer().extend_from_slice(&request);
    }

    /// Sends these bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.sent_raw = true;
        self.outgoing.buffer().extend_from_slice(bytes);
    }

    /// Sends a frame, masked and with its length in the shortest form.
    pub fn frame(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) {
        self.sent_close |= opcode == Opcode::Close;
        let key = (self.random.number() as u32).to_ne_bytes();
        push_masked_frame(self.outgoing.buffer(), fin, opcode, key, payload);
    }

    /// Sends a Ping, and expects its Pong.
    pub fn ping(&mut self, payload: &[u8]) {
        self.frame(true, Opcode::Ping, payload);
        self.oracle.expect_pong(payload.to_vec());
    }

    /// Returns a Flag that no other request of the simulation has.
    pub fn flag(&mut self) -> u32 {
        self.flags.borrow_mut().give(self.number)
    }

    /// Makes a request packet, without a frame. Returns its Flag and the packet.
    pub fn packet(&mut self, cmd: u16, data: &[u8]) -> (u32, Vec<u8>) {
        let flag = self.flag();
        let mut packet = Vec::with_capacity(packet::REQUEST_HEADER_BYTES + data.len());
        push_request(&mut packet, &packet::Request { data_status: 0, flag, cmd, data });
        (flag, packet)
    }

    /// Sends a request, and returns its Flag for the replies to [`expect`](Self::expect).
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

    /// Sends a request, and expects that it is refused with this ErrorID, without Data.
    pub fn call_refused(&mut self, cmd: u16, data: &[u8], error_id: u16) {
        let flag = self.request(cmd, data);
        self.expect(Expected { error_id, flag, cmd, data: Some(vec![]) });
    }

    /// Expects a reply, behind all that were expected before.
    pub fn expect(&mut self, reply: Expected) {
        self.oracle.replies.expect(reply);
    }

    /// Expects a reply that may overtake others, and be overtaken: see
    /// [`Route::unordered`](crate::Route::unordered).
    pub fn expect_unordered(&mut self, reply: Expected) {
        self.oracle.replies.expect_unordered(reply);
    }

    /// Replies that are expected from now on need not come if the connection ends first, and of the pending
    /// ones only the first `kept` must.
    pub fn allow_missing(&mut self, kept: usize) {
        self.oracle.replies.allow_missing(kept);
    }

    /// Replies that are expected and have not come.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.oracle.replies.pending()
    }

    /// Sends a Close frame, and expects the same code back.
    pub fn close(&mut self, code: u16) {
        self.frame(true, Opcode::Close, &code.to_be_bytes());
        self.has_closed = true;
        self.must_end(&[End::Closed(Some(code))]);
    }

    /// Ends the client's direction, behind the bytes that have not been sent yet. Replies are still received.
    pub fn half_close(&mut self) {
        self.orders.half_close = true;
        self.has_closed = true;
        if self.ends.is_empty() {
            self.must_end(&[End::Silent]);
        }
    }

    /// Resets the connection at once. Bytes that have not been sent yet are lost.
    pub fn reset(&mut self) {
        self.orders.reset = true;
        self.allow_missing(0);
    }

    /// Expects that the connection ends in one of these ways, unless a fault or a drain ends it.
    pub fn must_end(&mut self, ends: &[End]) {
        self.ends = ends.to_vec();
    }

    /// Accepts these ends too, at any time. Replies may then be missing.
    pub fn may_end(&mut self, ends: &[End]) {
        self.other_ends.extend_from_slice(ends);
    }

    /// Expects that the connection ends between `earliest` and `latest` from now. If the server has not
    /// accepted it yet, `latest` counts from when it does.
    pub fn must_end_within(&mut self, earliest: Duration, latest: Duration) {
        self.earliest = self.now + earliest;
        self.latest = Some((self.now, latest));
    }

    /// Stops to receive, until [`resume_receiving`](Self::resume_receiving).
    pub fn stop_receiving(&mut self) {
        self.has_stopped_receiving = true;
        self.ever_stopped_receiving = true;
    }

    /// Receives again.
    pub fn resume_receiving(&mut self) {
        self.has_stopped_receiving = false;
    }

    /// Passes replies to [`Script::replied`](super::Script::replied) from now on, on this connection.
    pub fn report_replies(&mut self) {
        self.oracle.reports_replies = true;
    }

    /// Sets whether the server's Pings are answered. Default: true. A script that sends parts of frames by
    /// [`raw`](Self::raw) has to set it to false.
    pub fn set_answers_pings(&mut self, answers: bool) {
        self.answers_pings = answers;
    }

    /// Sets whether the client ignores the server's Close and keeps its direction open. Default: false.
    pub fn set_ignores_close(&mut self, ignores_close: bool) {
        self.ignores_close = ignores_close;
    }

    /// Sends at most `most_bytes` at once from now on, one piece each `every`.
    pub fn set_pace(&mut self, most_bytes: usize, every: Duration) {
        self.outgoing.pace = Some((most_bytes.max(1), every));
    }

    /// Sends all at once again.
    pub fn clear_pace(&mut self) {
        self.outgoing.pace = None;
    }

    /// Answers a Ping.
    pub(super) fn pinged(&mut self, payload: &[u8]) {
        if self.answers_pings && !self.has_closed {
            self.frame(true, Opcode::Pong, payload);
        }
    }

    /// Whether all is sent and all that is expected has come.
    pub(super) fn is_answered(&self) -> bool {
        let upgraded = !self.has_requested_upgrade || self.oracle.status.is_some();
        upgraded && self.outgoing.is_empty() && self.oracle.is_answered()
    }
}
