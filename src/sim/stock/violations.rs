//! Frames and packets that end a connection, and the close code of each.

use std::time::Duration;

use crate::config::{Config, MAX_BAD_REQUESTS};
use crate::frame::Opcode;
use crate::packet::ErrorId;
use crate::sim::{End, Next, Random, Script, ScriptRunner};

/// A command that no server has.
const UNKNOWN: u16 = u16::MAX;

/// The bytes of a violation, given the length of the longest message, and the close code that answers it.
type Case = (fn(&mut ScriptRunner, u64), Option<u16>);

const CASES: [Case; 36] = [
    (|runner, _| runner.raw(b"\x82\x01a"), Some(1002)),
    (|runner, _| runner.raw(b"\xc2\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\xa2\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x99\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x83\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x87\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x8b\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x8f\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x82\xfe\x00\x04abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x82\xff\0\0\0\0\0\0\xff\xffabcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x82\xff\x80\0\0\0\0\0\0\0abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd"), Some(1009)),
    (|runner, max_len| announce(runner, 0x82, max_len + 1), Some(1009)),
    (|runner, _| runner.raw(b"\x89\xfe\x00\x7eabcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x09\x80abcd"), Some(1002)),
    (|runner, _| runner.raw(b"\x08\x80abcd"), Some(1002)),
    (|runner, _| runner.frame(true, Opcode::Continuation, b"first"), Some(1002)),
    (|runner, _| runner.frame(false, Opcode::Continuation, b""), Some(1002)),
    (
        |runner, _| {
            runner.frame(false, Opcode::Binary, b"one");
            runner.frame(true, Opcode::Binary, b"two");
        },
        Some(1002),
    ),
    (
        |runner, max_len| {
            runner.frame(false, Opcode::Binary, b"one");
            runner.ping(b"between");
            announce(runner, 0x80, max_len);
        },
        Some(1009),
    ),
    (|runner, _| runner.frame(true, Opcode::Text, b"text"), Some(1003)),
    (|runner, _| runner.frame(false, Opcode::Text, b""), Some(1003)),
    (|runner, _| runner.frame(true, Opcode::Close, b"\x03"), Some(1002)),
    (|runner, _| runner.frame(true, Opcode::Close, b"\x03\xed"), Some(1002)),
    (|runner, _| runner.frame(true, Opcode::Close, b"\x00\x00"), Some(1002)),
    (|runner, _| runner.frame(true, Opcode::Close, b"\x03\xe8\xce\xba\xe1\xff"), Some(1007)),
    (|runner, _| runner.frame(true, Opcode::Close, b""), None),
    (|runner, _| runner.frame(true, Opcode::Close, b"\x03\xe8bye"), Some(1000)),
    (|runner, _| runner.frame(true, Opcode::Close, &[0x10; 125]), Some(0x1010)),
    (
        |runner, _| {
            runner.frame(false, Opcode::Binary, b"never whole");
            runner.frame(true, Opcode::Close, b"\x03\xe9");
        },
        Some(1001),
    ),
    (
        |runner, _| {
            for _ in 0..3 {
                runner.frame(true, Opcode::Close, b"\x0f\xff");
            }
        },
        Some(4095),
    ),
    (|runner, _| runner.frame(true, Opcode::Binary, b""), Some(4000)),
    (|runner, _| runner.frame(true, Opcode::Binary, b"\0\0\0\0\0\0\0\0"), Some(4000)),
    (one_bad_request_too_many, Some(4002)),
    (one_wrong_size_too_many, Some(4002)),
];

/// Sends the header of a masked frame of `len` bytes, and none of them.
fn announce(runner: &mut ScriptRunner, first: u8, len: u64) {
    match u16::try_from(len) {
        Ok(len) => runner.raw(&[&[first, 0xfe], len.to_be_bytes().as_slice(), b"abcd"].concat()),
        Err(_) => runner.raw(&[&[first, 0xff], len.to_be_bytes().as_slice(), b"abcd"].concat()),
    }
}

fn one_bad_request_too_many(runner: &mut ScriptRunner, _: u64) {
    for _ in 0..MAX_BAD_REQUESTS {
        runner.call_refused(UNKNOWN, b"", ErrorId::UNKNOWN_COMMAND.0);
    }
    runner.request(UNKNOWN, b"");
}

fn one_wrong_size_too_many(runner: &mut ScriptRunner, _: u64) {
    for number in 0..=MAX_BAD_REQUESTS {
        let (flag, mut packet) = runner.packet(UNKNOWN, b"data");
        if let Some(size) = packet.get_mut(1) {
            *size = 77;
        }
        runner.frame(true, Opcode::Binary, &packet);
        if number < MAX_BAD_REQUESTS {
            let error_id = ErrorId::BAD_PACKET.0;
            runner.expect(crate::sim::Expected { error_id, flag, cmd: UNKNOWN, data: Some(vec![]) });
        }
    }
}

/// A client that is upgraded and then breaks a rule that ends the connection. The server ignores what it
/// sends behind that.
#[derive(Clone, Copy, Debug)]
pub struct Violations {
    case: usize,
    max_len: u64,
    manner: u64,
    step: u32,
}

impl Violations {
    /// A random violation.
    #[must_use]
    pub fn any(random: &mut Random, config: &Config) -> Self {
        let max_len = config.limits.max_len_before_login.unwrap_or(config.limits.max_len);
        let (case, manner) = (random.index(CASES.len()), random.below(16));
        Violations { case, max_len: max_len as u64, manner, step: 0 }
    }

    /// Sends the violation, behind what the client has sent before.
    pub(crate) fn commit(self, runner: &mut ScriptRunner) {
        // What follows is not a frame, or not whole.
        runner.set_answers_pings(false);
        if let Some((send, code)) = CASES.get(self.case) {
            send(runner, self.max_len);
            runner.must_end(&[End::Closed(*code)]);
        }
        if self.manner & 4 != 0 {
            let mut rest = vec![0; runner.random().index(3000)];
            runner.random().fill(&mut rest);
            runner.raw(&rest);
        }
    }

    /// Ends an open connection by a random violation.
    pub fn end(runner: &mut ScriptRunner, config: &Config) {
        let violation = Violations::any(&mut runner.random().fork(), config);
        violation.commit(runner);
    }
}

impl Script for Violations {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        self.step += 1;
        if self.step > 1 {
            return Next::Rest;
        }
        if self.manner & 1 != 0 {
            let piece = 1 + runner.random().index(60);
            runner.set_pace(piece, Duration::from_millis(2));
        }
        runner.set_ignores_close(self.manner & 8 != 0);
        runner.upgrade();
        if self.manner & 2 != 0 {
            runner.ping(b"here");
        }
        self.commit(runner);
        Next::Rest
    }
}
