//! Invalid or abusive packets in valid frames.

use crate::common::{Frame, Reply, frame, join, message, packet, part, zlib_stored};
use crate::compression::zlib_bomb;
use crate::frames::pattern;
use crate::stage::{Case, Random, SERVE, play};
use sysconn::frame::Opcode;

#[test]
fn packets() {
    play(CASES);
}

/// A framed message whose DataSize is wrong.
fn sized(size: u16, data: &[u8]) -> Vec<u8> {
    let mut message = message(1101, 9, 0, data);
    message[..2].copy_from_slice(&size.to_be_bytes());
    frame(Opcode::Binary, &message)
}

fn with_status(status: u8, data: &[u8]) -> Vec<u8> {
    frame(Opcode::Binary, &message(1101, 9, status, data))
}

pub(crate) const CASES: &[Case] = &[
    Case::new("pk-01", SERVE, |stage| {
        let mut client = stage.client();
        for flag in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            client.send_packet(1101, flag, b"flag");
            assert_eq!(client.reply(), Reply::new(1101, flag, b"flag"));
        }
    }),
    Case::new("pk-02", SERVE, |stage| stage.client().echo(b"")),
    Case::new("pk-03", SERVE, |stage| {
        let mut client = stage.client();
        for size in [5, 100, 65_534] {
            client.send(&sized(size, b"four"));
            assert_eq!(client.reply(), Reply::refusal(1101, 9, 2), "{size}");
        }
        // To the end, and not beyond it.
        client.send(&sized(65_535, b"four"));
        assert_eq!(client.reply(), Reply::new(1101, 9, b"four"));
    }),
    Case::new("pk-04", SERVE, |stage| {
        let mut client = stage.client();
        for size in [0, 4, 13] {
            client.send(&sized(size, b"fourteen bytes"));
            assert_eq!(client.reply(), Reply::refusal(1101, 9, 2), "{size}");
        }
    }),
    Case::new("pk-05", SERVE, |stage| {
        let whole = message(1101, 1, 0, b"");
        for len in 0..9 {
            stage.closes("short", &frame(Opcode::Binary, &whole[..len]), 4000);
            stage.closes("short", &part_in_two(&whole[..len]), 4000);
        }
    }),
    Case::new("pk-06", SERVE, |stage| {
        let lines = || String::from_utf8_lossy(&stage.program.log()).matches("bad input").count();
        let before = lines();
        let mut client = stage.client();
        for cmd in [0, 1, 99, 2000, 65_535, 1100, 1199, 1, 1, 1] {
            client.send_packet(cmd, 3, b"x");
            assert_eq!(client.reply(), Reply::refusal(cmd, 3, 1));
        }
        client.send_packet(1, 3, b"x");
        client.expect_close(4002, "the eleventh");
        assert!(lines() - before <= 10, "{} lines", lines() - before);
    }),
    Case::new("pk-08", SERVE, |stage| {
        let good = zlib_stored(b"hello");
        let mut bad_sum = good.clone();
        *bad_sum.last_mut().unwrap() ^= 1;
        let dictionary = join(&[&[0x78, 0x20 | 0x18 | 0x04, 1, 2, 3, 4], &good[2..]]);
        for data in [
            b"no zlib".to_vec(),
            good[..good.len() - 1].to_vec(),
            good[..3].to_vec(),
            vec![0x78],
            bad_sum,
            dictionary,
            join(&[&good, b"x"]),
            join(&[&good, &good]),
            // A block of the type that does not exist.
            vec![0x78, 0x01, 0x07, 0, 0, 0, 0, 0],
        ] {
            stage.closes(&data.escape_ascii().to_string(), &with_status(1, &data), 4001);
        }
        let mut client = stage.client();
        client.send(&join(&[&with_status(1, b""), &with_status(1, &good)]));
        assert_eq!(client.reply().data, b"");
        assert_eq!(client.reply().data, b"hello");
        let bomb = with_status(1, &zlib_bomb(300 << 20));
        let grown = stage.grown(|| stage.closes("300 MiB", &bomb, 4001));
        assert!(grown < 4 << 20, "{grown}");
    }),
    Case::new("pk-09", SERVE, |stage| {
        (2..=255).for_each(|status| stage.closes("status", &with_status(status, b"x"), 4001))
    }),
    Case::new("pk-10", SERVE, |stage| {
        let mut client = stage.client();
        for len in 65_520..=65_540 {
            client.send_packet(1101, 2, &pattern(len));
            assert_eq!(client.reply(), Reply::new(1101, 2, &pattern(len)), "{len}");
        }
    }),
    Case::new("pk-11", SERVE, |stage| {
        let mut client = stage.client();
        let whole = message(1101, 6, 0, b"in fragments");
        let mut bytes = part(false, Opcode::Binary, b"");
        whole.iter().for_each(|byte| bytes.extend(part(false, Opcode::Continuation, &[*byte])));
        client.send(&join(&[&bytes, &part(true, Opcode::Continuation, b"")]));
        assert_eq!(client.reply(), Reply::new(1101, 6, b"in fragments"));
    }),
    Case::new("pk-13", SERVE, |stage| {
        let mut client = stage.client();
        let all: Vec<u8> = (0..3000).flat_map(|flag| packet(1101, flag, b"")).collect();
        client.send(&all);
        for flag in 0..3000 {
            assert_eq!(client.reply(), Reply::new(1101, flag, b""));
        }
    }),
    Case::new("pk-14", SERVE, |stage| {
        let mut random = Random(14);
        for _ in 0..500 {
            let len = random.below(40);
            let mut client = stage.client();
            client.send(&frame(Opcode::Binary, &random.bytes(len)));
            client.shutdown_write();
            while client.next() != Frame::End {}
        }
    }),
    Case::new("x-37", SERVE, |stage| {
        // As many expensive short requests as one write takes: each is answered once.
        let mut client = stage.client();
        client.send(&packet(1104, 1, &200u16.to_be_bytes()).repeat(100));
        for _ in 0..100 {
            for index in 0..200u32 {
                assert_eq!(client.reply().data, index.to_be_bytes());
            }
        }
    }),
    Case::new("x-38", SERVE, |stage| {
        // Commands for roles and monitors, from a client without a login.
        let mut client = stage.client();
        for cmd in [1003, 1201, 1203, 9001, 9002, 9003, 9004] {
            client.send_packet(cmd, 1, b"");
            assert_eq!(client.reply(), Reply::refusal(cmd, 1, 3), "{cmd}");
        }
        // Data that is not a message of its type is an offence.
        stage.closes("no message", &packet(1002, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 4001);
        stage.closes("a length beyond the end", &packet(1002, 1, b"\x0a\xff\xff\xff\xff\x0f"), 4001);
        stage.closes("too deep", &packet(1001, 1, &[0x0b; 500]), 4001);
    }),
];

fn part_in_two(message: &[u8]) -> Vec<u8> {
    let (first, last) = message.split_at(message.len() / 2);
    join(&[&part(false, Opcode::Binary, first), &part(true, Opcode::Continuation, last)])
}
