//! Frames and packets that end a connection, and the close code of each.

use std::time::Duration;

use crate::config::{Config, MAX_BAD_REQUESTS};
use crate::frame::Opcode;
use crate::packet::ErrorId;
use crate::sim::{End, Next, Player, Random, Script};

/// A command that no server has.
const UNKNOWN: u16 = u16::MAX;

/// What is sent, given the longest message, and the code that answers it.
type Case = (fn(&mut Player, u64), Option<u16>);

const CASES: [Case; 36] = [
    (|player, _| player.raw(b"\x82\x01a"), Some(1002)),
    (|player, _| player.raw(b"\xc2\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\xa2\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x99\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x83\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x87\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x8b\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x8f\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x82\xfe\x00\x04abcd"), Some(1002)),
    (|player, _| player.raw(b"\x82\xff\0\0\0\0\0\0\xff\xffabcd"), Some(1002)),
    (|player, _| player.raw(b"\x82\xff\x80\0\0\0\0\0\0\0abcd"), Some(1002)),
    (|player, _| player.raw(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd"), Some(1002)),
    (|player, _| player.raw(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd"), Some(1009)),
    (|player, max_len| announce(player, 0x82, max_len + 1), Some(1009)),
    (|player, _| player.raw(b"\x89\xfe\x00\x7eabcd"), Some(1002)),
    (|player, _| player.raw(b"\x09\x80abcd"), Some(1002)),
    (|player, _| player.raw(b"\x08\x80abcd"), Some(1002)),
    (|player, _| player.frame(true, Opcode::Continuation, b"first"), Some(1002)),
    (|player, _| player.frame(false, Opcode::Continuation, b""), Some(1002)),
    (
        |player, _| {
            player.frame(false, Opcode::Binary, b"one");
            player.frame(true, Opcode::Binary, b"two");
        },
        Some(1002),
    ),
    (
        |player, max_len| {
            player.frame(false, Opcode::Binary, b"one");
            player.ping(b"between");
            announce(player, 0x80, max_len);
        },
        Some(1009),
    ),
    (|player, _| player.frame(true, Opcode::Text, b"text"), Some(1003)),
    (|player, _| player.frame(false, Opcode::Text, b""), Some(1003)),
    (|player, _| player.frame(true, Opcode::Close, b"\x03"), Some(1002)),
    (|player, _| player.frame(true, Opcode::Close, b"\x03\xed"), Some(1002)),
    (|player, _| player.frame(true, Opcode::Close, b"\x00\x00"), Some(1002)),
    (|player, _| player.frame(true, Opcode::Close, b"\x03\xe8\xce\xba\xe1\xff"), Some(1007)),
    (|player, _| player.frame(true, Opcode::Close, b""), None),
    (|player, _| player.frame(true, Opcode::Close, b"\x03\xe8bye"), Some(1000)),
    (|player, _| player.frame(true, Opcode::Close, &[0x10; 125]), Some(0x1010)),
    (
        |player, _| {
            player.frame(false, Opcode::Binary, b"never whole");
            player.frame(true, Opcode::Close, b"\x03\xe9");
        },
        Some(1001),
    ),
    (
        |player, _| {
            for _ in 0..3 {
                player.frame(true, Opcode::Close, b"\x0f\xff");
            }
        },
        Some(4095),
    ),
    (|player, _| player.frame(true, Opcode::Binary, b""), Some(4000)),
    (|player, _| player.frame(true, Opcode::Binary, b"\0\0\0\0\0\0\0\0"), Some(4000)),
    (one_bad_request_too_many, Some(4002)),
    (one_wrong_size_too_many, Some(4002)),
];

/// The header of a masked frame that announces so many bytes, of which none follows.
fn announce(player: &mut Player, first: u8, len: u64) {
    match u16::try_from(len) {
        Ok(len) => player.raw(&[&[first, 0xfe], len.to_be_bytes().as_slice(), b"abcd"].concat()),
        Err(_) => player.raw(&[&[first, 0xff], len.to_be_bytes().as_slice(), b"abcd"].concat()),
    }
}

fn one_bad_request_too_many(player: &mut Player, _: u64) {
    for _ in 0..MAX_BAD_REQUESTS {
        player.call_refused(UNKNOWN, b"", ErrorId::UNKNOWN_COMMAND.0);
    }
    player.request(UNKNOWN, b"");
}

fn one_wrong_size_too_many(player: &mut Player, _: u64) {
    for number in 0..=MAX_BAD_REQUESTS {
        let (flag, mut packet) = player.packet(UNKNOWN, b"data");
        if let Some(size) = packet.get_mut(1) {
            *size = 77;
        }
        player.frame(true, Opcode::Binary, &packet);
        if number < MAX_BAD_REQUESTS {
            let error_id = ErrorId::BAD_PACKET.0;
            player.expect(crate::sim::Expected { error_id, flag, cmd: UNKNOWN, data: Some(vec![]) });
        }
    }
}

/// A client that is upgraded, and then ends the connection in one way or another; what it sends behind that is not
/// looked at.
#[derive(Clone, Copy, Debug)]
pub struct Violations {
    case: usize,
    max_len: u64,
    manner: u64,
    step: u32,
}

impl Violations {
    /// One of the ways.
    #[must_use]
    pub fn any(random: &mut Random, config: &Config) -> Self {
        let before_login = config.max_len_before_login;
        let max_len = if before_login == 0 { config.max_len } else { before_login };
        let (case, manner) = (random.index(CASES.len()), random.below(16));
        Violations { case, max_len: max_len as u64, manner, step: 0 }
    }

    /// Sends what ends the connection right away, behind what the client may have sent before.
    pub(crate) fn commit(self, player: &mut Player) {
        // What comes next is no frame, or not whole.
        player.set_answers_pings(false);
        if let Some((send, code)) = CASES.get(self.case) {
            send(player, self.max_len);
            player.must_end(&[End::Closed(*code)]);
        }
        if self.manner & 4 != 0 {
            let mut rest = vec![0; player.random().index(3000)];
            player.random().fill(&mut rest);
            player.raw(&rest);
        }
    }

    /// Ends a connection that is open already in one of these ways.
    pub fn end(player: &mut Player, config: &Config) {
        let violation = Violations::any(&mut player.random().fork(), config);
        violation.commit(player);
    }
}

impl Script for Violations {
    fn act(&mut self, player: &mut Player) -> Next {
        self.step += 1;
        if self.step > 1 {
            return Next::Rest;
        }
        if self.manner & 1 != 0 {
            let piece = 1 + player.random().index(60);
            player.set_pace(piece, Duration::from_millis(2));
        }
        player.set_lingers(self.manner & 8 != 0);
        player.upgrade();
        if self.manner & 2 != 0 {
            player.ping(b"here");
        }
        self.commit(player);
        Next::Rest
    }
}
