//! Regular clients of the game: they use all its commands, in any order and at any pace, and leave in every
//! way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;
use std::time::Duration;

use sysconn::Config;
use sysconn::frame::Opcode;
use sysconn::packet::{ErrorId, REQUEST_HEADER_BYTES, Request, push_request};
use sysconn::sim::stock::Violations;
use sysconn::sim::{End, Expected, Next, Script, ScriptRunner};

use crate::commands::{self, late};
use crate::game;
use crate::requests::{burst, link, push, request_close, send_undecodable, zlib_stored};
use crate::visits::Visits;

/// How many chat rooms there are.
const ROOMS: u64 = 3;

/// The script of a regular client.
pub(crate) struct Regular {
    config: Rc<Config>,
    roles: u64,
    /// There are so many clients that a room can have more messages than a member can receive.
    has_many_clients: bool,
    visits: Visits,
    begun: bool,
    /// The number of the next push of each stream.
    pushes: [u32; 2],
    /// Rooms that it is in, and the number of the next message there, once that is known.
    rooms: BTreeMap<u16, Option<u32>>,
    /// Rooms that it has left for good.
    left: Vec<u16>,
    /// The last request that it sent is answered later.
    owes_answer: bool,
}

impl Regular {
    /// One of `regulars` clients.
    pub(crate) fn new(config: Rc<Config>, regulars: u32, visits: Visits) -> Self {
        Regular {
            config,
            roles: 1 + u64::from(regulars) / 4,
            has_many_clients: regulars > 500,
            visits,
            begun: false,
            pushes: [0; 2],
            rooms: BTreeMap::new(),
            left: vec![],
            owes_answer: false,
        }
    }

    fn begin(&mut self, runner: &mut ScriptRunner) -> Next {
        (self.begun, self.pushes, self.owes_answer) = (true, [0; 2], false);
        self.rooms.clear();
        self.left.clear();
        if runner.random().chance(0.3) {
            let (piece, ms) = (1 + runner.random().index(200), runner.random().below(20));
            runner.set_pace(piece, Duration::from_millis(ms));
        }
        runner.upgrade();
        if runner.random().chance(0.5) { Next::Answered } else { Next::After(Duration::ZERO) }
    }

    /// Data that is often short, sometimes long, and now and then of the greatest length.
    fn data(&self, runner: &mut ScriptRunner) -> Vec<u8> {
        let most = self.config.limits.max_len - 9;
        let size = match runner.random().below(1000) {
            0..600 => runner.random().index(40),
            600..900 => runner.random().index(700),
            900..960 => [114, 115, 116, 117, 65_524, 65_525, 65_535, 65_536][runner.random().index(8)],
            960..998 => runner.random().index(20_000),
            _ => most - runner.random().index(2),
        };
        let mut data = vec![0; size.min(most)];
        let filled = data.len().min(64);
        runner.random().fill(&mut data[..filled]);
        data
    }

    fn do_something(&mut self, runner: &mut ScriptRunner) {
        let choice = runner.random().below(24);
        // Pings are answered even while a deferred reply is pending.
        self.owes_answer &= choice > 21;
        match choice {
            0..5 => {
                let data = self.data(runner);
                runner.call(commands::ECHO, &data, &data);
            }
            5 => self.send_compressed(runner),
            6..8 => self.send_fragments(runner),
            8 => {
                let data = self.data(runner);
                runner.request(commands::SINK, &data);
            }
            9 => {
                let error_id = 100 + runner.random().below(60_000) as u16;
                runner.call_refused(commands::REFUSE, &error_id.to_be_bytes(), error_id);
            }
            10..12 => burst(runner),
            12 => self.log_in(runner),
            13 => {
                // Refused in either state. Without a login it counts as a bad request, so it is not frequent.
                let flag = runner.request(commands::LOGIN, &0u64.to_be_bytes());
                let error_id = ErrorId::LOGIN_REFUSED.0;
                runner.expect(Expected { error_id, flag, cmd: commands::LOGIN, data: Some(vec![]) });
            }
            14..17 => self.defer(runner),
            17..19 => push(runner),
            19 => self.join_or_leave(runner),
            20..22 => {
                let room = runner.random().below(ROOMS) as u16;
                let mut text = room.to_be_bytes().to_vec();
                text.resize(2 + runner.random().index(100), b'x');
                runner.request(commands::SAY, &text);
            }
            _ => {
                let mut payload = vec![0; runner.random().index(126)];
                runner.random().fill(&mut payload);
                runner.ping(&payload);
            }
        }
    }

    /// Sends Data as a zlib stream. A long one takes several turns.
    fn send_compressed(&mut self, runner: &mut ScriptRunner) {
        let data = self.data(runner);
        let stream = zlib_stored(&data);
        if stream.len() + REQUEST_HEADER_BYTES > self.config.limits.max_len {
            return runner.call(commands::ECHO, &data, &data);
        }
        let flag = runner.flag();
        let mut packet = vec![];
        push_request(&mut packet, &Request { data_status: 1, flag, cmd: commands::ECHO, data: &stream });
        runner.frame(true, Opcode::Binary, &packet);
        runner.expect(Expected { error_id: 0, flag, cmd: commands::ECHO, data: Some(data) });
    }

    fn send_fragments(&mut self, runner: &mut ScriptRunner) {
        let data = self.data(runner);
        let (flag, packet) = runner.packet(commands::ECHO, &data);
        let mut rest = packet.as_slice();
        let mut opcode = Opcode::Binary;
        while runner.random().chance(0.7) && !rest.is_empty() {
            let (part, behind) = rest.split_at(runner.random().index(rest.len() + 1));
            runner.frame(false, opcode, part);
            if runner.random().chance(0.3) {
                runner.ping(&flag.to_be_bytes());
            }
            (opcode, rest) = (Opcode::Continuation, behind);
        }
        runner.frame(true, opcode, rest);
        runner.expect(Expected { error_id: 0, flag, cmd: commands::ECHO, data: Some(data) });
    }

    fn log_in(&mut self, runner: &mut ScriptRunner) {
        let role = 1 + runner.random().below(self.roles);
        runner.call(commands::LOGIN, &role.to_be_bytes(), b"");
        runner.may_end(&[End::Closed(Some(4007))]);
        // Often in the same read: a connection that the first login replaces is replaced whatever follows.
        match runner.random().below(6) {
            0 | 1 => runner.call(commands::LOGOUT, b"", b""),
            2 => {
                let next = 1 + role % self.roles;
                runner.call(commands::LOGIN, &next.to_be_bytes(), b"");
            }
            _ => {}
        }
    }

    fn defer(&mut self, runner: &mut ScriptRunner) {
        let way = runner.random().below(4) as u8;
        let ms = runner.random().below(1500) as u16;
        let mut data = vec![way];
        data.extend(ms.to_be_bytes());
        data.extend(runner.number().to_be_bytes());
        match way {
            late::REFUSED => runner.call_refused(commands::DEFER, &data, 123),
            late::DROPPED => runner.call_refused(commands::DEFER, &data, ErrorId::NOT_AVAILABLE.0),
            _ => runner.call(commands::DEFER, &data, &data[3..]),
        }
        self.owes_answer = true;
    }

    /// Joins a room, or leaves one for good.
    fn join_or_leave(&mut self, runner: &mut ScriptRunner) {
        let room = runner.random().below(ROOMS) as u16;
        match self.rooms.entry(room) {
            Entry::Vacant(entry) => {
                if self.has_many_clients {
                    // A thousand others can say more in one turn than an outbox holds.
                    runner.may_end(&[End::Closed(Some(4008))]);
                }
                let flag = runner.request(commands::JOIN, &room.to_be_bytes());
                runner.expect(Expected { error_id: 0, flag, cmd: commands::JOIN, data: None });
                entry.insert(None);
            }
            Entry::Occupied(_) if !self.left.contains(&room) => {
                runner.call(commands::LEAVE, &room.to_be_bytes(), b"");
                self.left.push(room);
            }
            Entry::Occupied(_) => runner.call(commands::ECHO, b"not again", b"not again"),
        }
    }

    /// Leaves in a random way.
    fn leave(&mut self, runner: &mut ScriptRunner) -> Next {
        self.begun = false;
        let returns = self.visits.returns > 0;
        self.visits.returns = self.visits.returns.saturating_sub(1);
        let way = runner.random().below(16);
        if self.owes_answer && matches!(way, 0..4 | 9..13) {
            // Control frames overtake a deferred reply.
            let kept = runner.pending().saturating_sub(1);
            runner.allow_missing(kept);
        }
        match way {
            0..4 => {
                // Not a code that the server closes with by itself, since pending replies would be lost then.
                let code = 4200 + runner.random().below(800) as u16;
                runner.close(code);
            }
            4..6 => runner.half_close(),
            6..8 => runner.reset(),
            8 => {
                runner.request(commands::PANIC, b"");
                runner.must_end(&[End::Closed(Some(1011))]);
            }
            9..13 => Violations::end(runner, &self.config),
            13 => request_close(runner),
            14 => send_undecodable(runner),
            _ => link(runner),
        }
        if returns {
            let ms = runner.random().below(300);
            Next::Return(Duration::from_millis(ms))
        } else {
            Next::Rest
        }
    }
}

impl Script for Regular {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        if !self.begun {
            return self.begin(runner);
        }
        if self.visits.steps == 0 || (self.visits.returns > 0 && runner.random().chance(0.2)) {
            return self.leave(runner);
        }
        self.visits.steps -= 1;
        // At a slow pace large messages would take longer than the read timer allows.
        runner.clear_pace();
        for _ in 0..runner.random().below(self.visits.things) {
            self.do_something(runner);
        }
        if runner.random().chance(0.4) {
            return Next::Answered;
        }
        let ms = runner.random().below(2000);
        Next::After(Duration::from_millis(ms * ms / 2000))
    }

    fn pushed(&mut self, runner: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        match cmd {
            commands::PUSHED => check_push(&mut self.pushes, runner, data),
            commands::SAID => self.check_said(data),
            _ => Err(format!("a push of {cmd}")),
        }
    }
}

/// Checks that a push is the next one of its stream, and meant for this client.
pub(crate) fn check_push(pushes: &mut [u32; 2], runner: &ScriptRunner, data: &[u8]) -> Result<(), String> {
    let stream = data.first().copied().unwrap_or(u8::MAX);
    let number = pushes.get_mut(usize::from(stream)).ok_or("a push of no stream")?;
    let size = data.len().saturating_sub(13) as u16;
    if data != game::push_data(stream, game::tag(runner.peer()), *number, size) {
        return Err(format!("push {number} of stream {stream} was expected: {:?}", data.get(..13)));
    }
    *number += 1;
    Ok(())
}

impl Regular {
    fn check_said(&mut self, data: &[u8]) -> Result<(), String> {
        let Some((&[a, b, c, d, e, f], _)) = data.split_first_chunk() else {
            return Err("a message in a room is too short".to_owned());
        };
        let (room, number) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
        match self.rooms.get_mut(&room) {
            None => Err(format!("a message in room {room}, which it has not joined")),
            Some(Some(next)) if *next != number => {
                Err(format!("message {number} in room {room}, expected {next}"))
            }
            Some(next) => {
                *next = Some(number + 1);
                Ok(())
            }
        }
    }
}
