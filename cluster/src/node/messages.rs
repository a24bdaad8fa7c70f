//! Messages of other nodes: checked, and given to what they are for.

use super::{Call, Node, Outputs};
use crate::clock::Drift;
use crate::counters::{Direction, Reason};
use crate::moment::Moment;
use crate::requests::{What, cut};
use crate::roles::Entry;
use crate::wire::{
    Answer, Blacklist, BlacklistDigest, BlacklistRequest, Header, MAX_PARTS, Message, Request, Sender,
    Subject, WireError,
};

/// How long a refused clock is reported, in milliseconds: some digests.
const CLOCK_ERROR_MS: u64 = 30_000;
/// After so many parts of the black list the others wait for the next tick.
const TICK_PARTS: usize = 20;
/// The ErrorID of a request that cannot be answered now.
const NOT_AVAILABLE: u16 = 6;

impl Node {
    /// Notes the clock of a message. False if it is refused, with the message.
    pub(crate) fn handle_drift(&mut self, header: &Header, drift: Drift, now: Moment) -> bool {
        let name = &header.sender.name;
        match drift {
            Drift::Small => return true,
            Drift::Warn(ahead_ms) => {
                if self.lines.allows("clocks that are ahead", now.elapsed_ms) {
                    log::warn!(target: crate::LOG, "the clock of node {name} is {ahead_ms} ms ahead");
                }
                return true;
            }
            Drift::Refused(ahead_ms) => {
                self.clock_error_until_ms = now.elapsed_ms.saturating_add(CLOCK_ERROR_MS);
                if self.lines.allows("clocks that are not heard", now.elapsed_ms) {
                    log::error!(target: crate::LOG, "the clock of node {name} is {ahead_ms} ms ahead: it is not heard");
                }
            }
        }
        self.counters.drop_for(Reason::ClockAhead, 1);
        false
    }

    /// Counts bytes that are no message, and says so.
    pub(crate) fn handle_garbage(&mut self, error: WireError, now: Moment) {
        let (sort, reason) = match error {
            WireError::Version(_) => ("messages in other versions", Reason::Version),
            WireError::Short
            | WireError::Long
            | WireError::Name
            | WireError::Kind(_)
            | WireError::Body
            | WireError::Field => ("messages that are none", Reason::Garbage),
        };
        self.counters.drop_for(reason, 1);
        if self.lines.allows(sort, now.elapsed_ms) {
            log::warn!(target: crate::LOG, "a message was ignored: {error}");
        }
    }

    /// The game panicked at what another node has sent.
    pub(crate) fn handle_panic(&mut self, now: Moment) {
        if self.lines.allows("panics", now.elapsed_ms) {
            log::error!(target: crate::LOG, "the game panicked at what another node has sent");
        }
    }

    /// A message, which came under this subject.
    pub(crate) fn handle_message(
        &mut self,
        header: &Header,
        message: Message,
        is_direct: bool,
        now: Moment,
        out: &mut Outputs,
    ) {
        self.counters.count(Direction::In, message.kind());
        if header.sender == self.me {
            return;
        }
        if header.sender.name == self.me.name {
            return self.handle_namesake(header, &message, now, out);
        }
        if let Message::GoodBye(_) = message {
            return self.handle_good_bye(header, now);
        }
        if !self.hear(header, now) {
            return;
        }
        match message {
            Message::Heartbeat(body) => self.handle_heartbeat(header, &body, now),
            Message::Login(body) => {
                self.handle_entry(header, body.role_id, Entry::held(body.clock), now, out)
            }
            Message::End(body) => {
                let entry = Entry { clock: body.clock, ended: body.ended };
                self.handle_entry(header, body.role_id, entry, now, out);
            }
            Message::RoleDigest(body) => self.handle_role_digest(header, &body, out),
            Message::RoleListRequest(body) => self.handle_list_request(header, body),
            Message::RoleList(body) => self.handle_list(header, body, now, out),
            Message::Push(body) => self.handle_push(body, is_direct, out),
            Message::Blacklist(body) => self.handle_blacklist(body, now, out),
            Message::BlacklistDigest(body) => self.handle_blacklist_digest(header, &body, out),
            Message::BlacklistRequest(body) => self.handle_blacklist_request(header, body),
            Message::Request(body) => self.handle_request(header, body, out),
            Message::Answer(body) => self.handle_answer(header, body, out),
            // Publishes go past the registers; the others are about a name that is not this node's.
            Message::Publish(_)
            | Message::Publishes(_)
            | Message::GoodBye(_)
            | Message::NameQuery(_)
            | Message::NameAnswer(_) => {}
        }
    }

    fn handle_blacklist(&mut self, body: Blacklist, now: Moment, out: &mut Outputs) {
        let news = self.blacklist.take(body, now.wall_ms);
        self.counters.drop_for(Reason::TooMany, news.refused as u64);
        if let Some(stamp) = news.cleared {
            out.calls.push(Call::BlacklistCleared(stamp));
        }
        if !news.records.is_empty() {
            out.calls.push(Call::BlacklistChanged(news.records));
        }
    }

    fn handle_blacklist_digest(&mut self, header: &Header, body: &BlacklistDigest, out: &mut Outputs) {
        if self.blacklist.digest(header.clock) != *body {
            let incarnation = header.sender.incarnation;
            out.send(Subject::Node(header.sender.name.clone()), BlacklistRequest { incarnation });
        }
    }

    /// Notes that a node asks for the list. One that is on its way to it is not begun again.
    fn handle_blacklist_request(&mut self, header: &Header, body: BlacklistRequest) {
        if body.incarnation == self.me.incarnation {
            self.blacklists.entry(header.sender.name.clone()).or_default();
        }
    }

    /// Sends some parts of the black list to those that have asked: not all at once, since logins wait
    /// meanwhile.
    pub(super) fn send_blacklists(&mut self, now: Moment, out: &mut Outputs) {
        for _ in 0..TICK_PARTS {
            let Some((name, after)) = self.blacklists.pop_first() else { return };
            let (part, last) = self.blacklist.part_after(after.as_deref(), now.wall_ms);
            out.send(Subject::Node(name.clone()), part);
            if last.is_some() {
                self.blacklists.insert(name, last);
            }
        }
    }

    fn handle_request(&mut self, header: &Header, body: Request, out: &mut Outputs) {
        let from = header.sender.clone();
        match What::of(body.what) {
            Some(what) => out.calls.push(Call::Request { from, id: body.id, what, body: body.body }),
            None => self.answer(&from, body.id, Err(NOT_AVAILABLE), out),
        }
    }

    fn handle_answer(&mut self, header: &Header, body: Answer, out: &mut Outputs) {
        if body.incarnation == self.me.incarnation {
            let finished = self.requests.answer(&header.sender.name, body);
            out.calls.extend(finished.map(Call::Finished));
        }
    }

    /// Answers a request of another node's.
    pub(crate) fn answer(
        &mut self,
        to: &Sender,
        id: u64,
        answer: Result<bytes::Bytes, u16>,
        out: &mut Outputs,
    ) {
        let (body, error_id) = match answer {
            Ok(body) => (body, 0),
            Err(error_id) => (bytes::Bytes::new(), error_id.max(1)),
        };
        let parts = cut(&body);
        if parts.len() > MAX_PARTS as usize {
            return self.answer(to, id, Err(NOT_AVAILABLE), out);
        }
        let count = parts.len() as u32;
        for (part, body) in (0..).zip(parts) {
            let (incarnation, error_id) = (to.incarnation, error_id.into());
            let answer = Answer { id, incarnation, error_id, part, parts: count, body };
            out.send(Subject::Node(to.name.clone()), answer);
        }
    }
}
