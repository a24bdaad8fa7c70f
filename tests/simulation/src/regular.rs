//! Players of the game: they do whatever it has to offer, in any order and at any pace, and leave in every way there is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;
use std::time::Duration;

use sysconn::Config;
use sysconn::frame::Opcode;
use sysconn::packet::{ErrorId, REQUEST_HEADER_BYTES, Request, push_request};
use sysconn::sim::stock::Violations;
use sysconn::sim::{End, Expected, Next, Script, ScriptRunner};

use crate::game::{self, fate, late, tag};
use crate::visits::Visits;

/// Rooms and roles that players have in common.
const ROOMS: u64 = 3;

/// Data as a zlib stream of blocks that are not compressed (RFC 1950, RFC 1951 §3.2.4).
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut stream = vec![0x78, 0x01];
    for block in data.chunks(1000) {
        stream.push(0);
        stream.extend((block.len() as u16).to_le_bytes());
        stream.extend((!(block.len() as u16)).to_le_bytes());
        stream.extend(block);
    }
    stream.extend([0x01, 0x00, 0x00, 0xff, 0xff]);
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}

/// A runner.
pub(crate) struct Regular {
    config: Rc<Config>,
    roles: u64,
    /// There are so many others that a room can be louder than its members can listen.
    is_crowded: bool,
    /// What is left of them.
    visits: Visits,
    begun: bool,
    /// The numbers of the next pushes, by stream.
    pushes: [u32; 2],
    /// Rooms that it is in, and the number of what is said next, once that is known.
    rooms: BTreeMap<u16, Option<u32>>,
    /// Rooms that it has left for good.
    left: Vec<u16>,
    /// The last thing that it sent was a request that is answered later.
    owes_answer: bool,
}

impl Regular {
    /// One of so many regulars.
    pub(crate) fn new(config: Rc<Config>, regulars: u32, visits: Visits) -> Self {
        Regular {
            config,
            roles: 1 + u64::from(regulars) / 4,
            is_crowded: regulars > 500,
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

    /// Data of a size that is often small, sometimes large, and now and then the largest.
    fn data(&self, runner: &mut ScriptRunner) -> Vec<u8> {
        let most = self.config.max_len - 9;
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
        // What is a Ping is answered in between.
        self.owes_answer &= choice > 21;
        match choice {
            0..5 => {
                let data = self.data(runner);
                runner.call(game::ECHO, &data, &data);
            }
            5 => self.send_compressed(runner),
            6..8 => self.send_fragments(runner),
            8 => {
                let data = self.data(runner);
                runner.request(game::SINK, &data);
            }
            9 => {
                let error_id = 100 + runner.random().below(60_000) as u16;
                runner.call_refused(game::REFUSE, &error_id.to_be_bytes(), error_id);
            }
            10..12 => burst(runner),
            12 => self.log_in(runner),
            13 => {
                // Answered whether or not it is logged in, and a bad request if it is not: so not too often.
                let flag = runner.request(game::LOGIN, &0u64.to_be_bytes());
                let error_id = ErrorId::LOGIN_REFUSED.0;
                runner.expect(Expected { error_id, flag, cmd: game::LOGIN, data: Some(vec![]) });
            }
            14..17 => self.defer(runner),
            17..19 => push(runner),
            19 => self.join_or_leave(runner),
            20..22 => {
                let room = runner.random().below(ROOMS) as u16;
                let mut text = room.to_be_bytes().to_vec();
                text.resize(2 + runner.random().index(100), b'x');
                runner.request(game::SAY, &text);
            }
            _ => {
                let mut payload = vec![0; runner.random().index(126)];
                runner.random().fill(&mut payload);
                runner.ping(&payload);
            }
        }
    }

    /// Sends Data as a zlib stream, which takes several turns where it is long.
    fn send_compressed(&mut self, runner: &mut ScriptRunner) {
        let data = self.data(runner);
        let stream = zlib_stored(&data);
        if stream.len() + REQUEST_HEADER_BYTES > self.config.max_len {
            return runner.call(game::ECHO, &data, &data);
        }
        let flag = runner.flag();
        let mut packet = vec![];
        push_request(&mut packet, &Request { data_status: 1, flag, cmd: game::ECHO, data: &stream });
        runner.frame(true, Opcode::Binary, &packet);
        runner.expect(Expected { error_id: 0, flag, cmd: game::ECHO, data: Some(data) });
    }

    fn send_fragments(&mut self, runner: &mut ScriptRunner) {
        let data = self.data(runner);
        let (flag, packet) = runner.packet(game::ECHO, &data);
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
        runner.expect(Expected { error_id: 0, flag, cmd: game::ECHO, data: Some(data) });
    }

    fn log_in(&mut self, runner: &mut ScriptRunner) {
        let role = 1 + runner.random().below(self.roles);
        runner.call(game::LOGIN, &role.to_be_bytes(), b"");
        runner.may_end(&[End::Closed(Some(4007))]);
        // Often in the same read: whoever is replaced by the first login is so whatever follows.
        match runner.random().below(6) {
            0 | 1 => runner.call(game::LOGOUT, b"", b""),
            2 => {
                let next = 1 + role % self.roles;
                runner.call(game::LOGIN, &next.to_be_bytes(), b"");
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
            late::REFUSED => runner.call_refused(game::DEFER, &data, 123),
            late::DROPPED => runner.call_refused(game::DEFER, &data, ErrorId::NOT_AVAILABLE.0),
            _ => runner.call(game::DEFER, &data, &data[3..]),
        }
        self.owes_answer = true;
    }

    /// Enters a room, or leaves one for good.
    fn join_or_leave(&mut self, runner: &mut ScriptRunner) {
        let room = runner.random().below(ROOMS) as u16;
        match self.rooms.entry(room) {
            Entry::Vacant(place) => {
                if self.is_crowded {
                    // A thousand others can say more in one turn than an outbox holds, or a small socket takes.
                    runner.may_end(&[End::Closed(Some(4008))]);
                }
                let flag = runner.request(game::JOIN, &room.to_be_bytes());
                runner.expect(Expected { error_id: 0, flag, cmd: game::JOIN, data: None });
                place.insert(None);
            }
            Entry::Occupied(_) if !self.left.contains(&room) => {
                runner.call(game::LEAVE, &room.to_be_bytes(), b"");
                self.left.push(room);
            }
            Entry::Occupied(_) => runner.call(game::ECHO, b"not again", b"not again"),
        }
    }

    /// Leaves, in one of the ways there are.
    fn leave(&mut self, runner: &mut ScriptRunner) -> Next {
        self.begun = false;
        let returns = self.visits.returns > 0;
        self.visits.returns = self.visits.returns.saturating_sub(1);
        let way = runner.random().below(16);
        if self.owes_answer && matches!(way, 0..4 | 9..13) {
            // Control frames overtake the answer that comes later.
            let kept = runner.pending().saturating_sub(1);
            runner.allow_missing(kept);
        }
        match way {
            0..4 => {
                // None that the server closes with by itself, which would leave the replies behind.
                let code = 4200 + runner.random().below(800) as u16;
                runner.close(code);
            }
            4..6 => runner.half_close(),
            6..8 => runner.reset(),
            8 => {
                runner.request(game::PANIC, b"");
                runner.must_end(&[End::Closed(Some(1011))]);
            }
            9..13 => Violations::end(runner, &self.config),
            13 => ask_for_the_end(runner),
            14 => send_what_does_not_decode(runner),
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

fn burst(runner: &mut ScriptRunner) {
    let count = runner.random().below(40) as u16;
    let mut data = count.to_be_bytes().to_vec();
    data.resize(2 + runner.random().index(300), b'b');
    let flag = runner.request(game::BURST, &data);
    for index in 0..count {
        let data = [&index.to_be_bytes(), &data[2..]].concat();
        runner.expect(Expected { error_id: 0, flag, cmd: game::BURST, data: Some(data) });
    }
}

fn push(runner: &mut ScriptRunner) {
    let cmd = if runner.random().chance(0.5) { game::PUSH } else { game::PUSH_LATER };
    let (count, size) = (runner.random().below(10) as u16, runner.random().below(400) as u16);
    runner.request(cmd, &[count.to_be_bytes(), size.to_be_bytes()].concat());
}

fn ask_for_the_end(runner: &mut ScriptRunner) {
    if runner.random().chance(0.5) {
        let code = 4100 + runner.random().below(100) as u16;
        runner.request(game::CLOSE, &code.to_be_bytes());
        runner.must_end(&[End::Closed(Some(code))]);
    } else {
        runner.request(game::KICK, b"");
        runner.must_end(&[End::Closed(Some(4010))]);
    }
}

fn send_what_does_not_decode(runner: &mut ScriptRunner) {
    match runner.random().below(3) {
        0 => {
            runner.request(game::PICKY, b"any");
        }
        1 => {
            runner.request(game::LOGIN, b"no role");
        }
        _ => {
            let (_, mut packet) = runner.packet(game::ECHO, b"neither zlib nor anything else");
            packet[2] = 1 + runner.random().below(255) as u8;
            runner.frame(true, Opcode::Binary, &packet);
        }
    }
    runner.must_end(&[End::Closed(Some(4001))]);
}

fn link(runner: &mut ScriptRunner) {
    let way = runner.random().below(3) as u8;
    let ms = runner.random().below(2000) as u16;
    let [a, b] = ms.to_be_bytes();
    runner.call(game::LINK, &[way, a, b], b"");
    match way {
        fate::ENDS => runner.must_end(&[End::Closed(Some(4005))]),
        fate::CRASHES => runner.must_end(&[End::Closed(Some(4006))]),
        _ => runner.close(1000),
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
        // Large messages would take it longer than the read timer allows.
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
            game::PUSHED => check_push(&mut self.pushes, runner, data),
            game::SAID => self.check_said(data),
            _ => Err(format!("a push of {cmd}")),
        }
    }
}

/// Pushes of a stream come one behind the other, and each to the client that it is for.
pub(crate) fn check_push(pushes: &mut [u32; 2], runner: &ScriptRunner, data: &[u8]) -> Result<(), String> {
    let stream = data.first().copied().unwrap_or(u8::MAX);
    let number = pushes.get_mut(usize::from(stream)).ok_or("a push of no stream")?;
    let size = data.len().saturating_sub(13) as u16;
    if data != game::push_data(stream, tag(runner.peer()), *number, size) {
        return Err(format!("push {number} of stream {stream} was expected: {:?}", data.get(..13)));
    }
    *number += 1;
    Ok(())
}

impl Regular {
    fn check_said(&mut self, data: &[u8]) -> Result<(), String> {
        let Some((&[a, b, c, d, e, f], _)) = data.split_first_chunk() else {
            return Err("what was said is too short".to_owned());
        };
        let (room, number) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
        match self.rooms.get_mut(&room) {
            None => Err(format!("something was said in room {room}")),
            Some(Some(next)) if *next != number => {
                Err(format!("{number} was said in room {room}, and {next} was expected"))
            }
            Some(next) => {
                *next = Some(number + 1);
                Ok(())
            }
        }
    }
}
