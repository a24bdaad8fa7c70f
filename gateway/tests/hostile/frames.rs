//! Frames that break a rule, and valid frames that look as if they did.

use socket2::SockRef;

use crate::common::{Client, Frame, Reply, frame, join, packet};
use crate::stage::{Case, ECHO, Random, SERVE, Setup, Stage, expect_close, play};
use sysconn::frame::{Opcode, push_masked_frame};

#[test]
fn frames() {
    play(CASES);
}

/// A raw frame header, followed by a key of zeros if its mask bit is set.
pub(crate) fn header(bytes: &[u8]) -> Vec<u8> {
    let key: &[u8] = if bytes[1] & 0x80 != 0 { &[0; 4] } else { &[] };
    join(&[bytes, key])
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

/// Each of these closes with this code, alone and in the same write as valid frames.
pub(crate) fn closed(stage: &Stage, code: u16, cases: &[Vec<u8>]) {
    for bytes in cases {
        let name = bytes[..bytes.len().min(40)].escape_ascii().to_string();
        stage.closes(&name, bytes, code);
        let mut client = stage.client();
        let _ = std::io::Write::write_all(
            &mut client.stream,
            &join(&[&frame(Opcode::Ping, b"before"), bytes, &frame(Opcode::Ping, b"behind")]),
        );
        assert_eq!(client.next(), Frame::Pong(b"before".to_vec()), "{name}");
        expect_close(&mut client, code, &name);
    }
}

/// The message comes back.
pub(crate) fn echoed(client: &mut Client, message: &[u8]) {
    assert_eq!(client.next(), Frame::Binary(message.to_vec()));
}

pub(crate) const CASES: &[Case] = &[
    Case::new("fr-01", SERVE, |stage| {
        closed(stage, 1002, &[b"\x82\x04data".to_vec(), b"\x89\0".to_vec(), b"\x88\0".to_vec()])
    }),
    Case::new("fr-02", SERVE, |stage| closed(stage, 1002, &[header(&[0xc2, 0x80]), header(&[0xc1, 0x84])])),
    Case::new("fr-03", SERVE, |stage| {
        closed(stage, 1002, &[header(&[0xa2, 0x80]), header(&[0x99, 0x80]), header(&[0xf8, 0x80])])
    }),
    Case::new("fr-04", SERVE, |stage| {
        let reserved = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
        closed(stage, 1002, &reserved.map(|opcode| header(&[0x80 | opcode, 0x80])));
        closed(stage, 1002, &reserved.map(|opcode| header(&[opcode, 0x80])));
    }),
    Case::new("fr-06", SERVE, |stage| {
        closed(stage, 1002, &[header(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0])])
    }),
    Case::new("fr-07", SERVE, |stage| closed(stage, 1002, &[header(&join(&[&[0x82, 0xff], &[0xff; 8]]))])),
    Case::new("fr-08", SERVE, |stage| {
        closed(stage, 1009, &[header(&[0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])]);
        closed(stage, 1009, &[header(&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0])]);
    }),
    Case::new("fr-10", SERVE, |stage| {
        closed(stage, 1002, &[header(&[0x82, 0xfe, 0, 4]), header(&[0x82, 0xfe, 0, 125])]);
        closed(
            stage,
            1002,
            &[
                header(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
                header(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
            ],
        );
    }),
    Case::new("fr-12", SERVE, |stage| {
        closed(stage, 1002, &[header(&[0x89, 0xfe, 0, 5]), header(&[0x88, 0xfe, 0, 2])])
    }),
    Case::new("fr-13", Setup::Echo(&["--max-len", "1000"]), |stage| {
        let mut client = stage.client();
        client.send(&frame(Opcode::Binary, &pattern(1000)));
        echoed(&mut client, &pattern(1000));
        let mut client = stage.client();
        client.send(&part_of(false, &pattern(999)));
        client.send(&last_part(b"x"));
        echoed(&mut client, &join(&[&pattern(999), b"x"]));
    }),
    Case::new("fr-14", Setup::Echo(&["--max-len", "1000"]), |stage| {
        closed(stage, 1009, &[header(&[0x82, 0xfe, 0x03, 0xe9])]);
        closed(stage, 1009, &[join(&[&part_of(false, &pattern(999)), &header(&[0x80, 0x82])])]);
    }),
    Case::new("fr-15", SERVE, |stage| {
        closed(stage, 1002, &[frame(Opcode::Ping, &[0; 126]), frame(Opcode::Pong, &[0; 126])])
    }),
    Case::new("fr-16", SERVE, |stage| {
        closed(stage, 1002, &[0x09, 0x0a, 0x08].map(|first| header(&[first, 0x80])))
    }),
    Case::new("fr-17", SERVE, |stage| {
        let mut client = stage.client();
        for len in [0, 1, 124, 125] {
            client.send(&frame(Opcode::Ping, &pattern(len)));
            assert_eq!(client.next(), Frame::Pong(pattern(len)), "{len}");
        }
    }),
    Case::new("fr-18", SERVE, |stage| {
        let mut client = stage.client();
        client.echo(b"before");
        let grown = stage.grown(|| {
            for _ in 0..20 {
                client.send(&frame(Opcode::Pong, &[b'x'; 100]).repeat(1000));
            }
            client.echo(b"behind");
        });
        assert!(grown < 1 << 20, "{grown}");
    }),
    Case::new("fr-19", ECHO, |stage| {
        let mut client = stage.client();
        for key in [[0; 4], [0xff; 4], [0, 0, 0, 1], [1, 0, 0, 0]] {
            let mut bytes = vec![];
            push_masked_frame(&mut bytes, true, Opcode::Binary, key, &pattern(300));
            client.send(&bytes);
            echoed(&mut client, &pattern(300));
        }
    }),
    Case::new("fr-20", ECHO, |stage| {
        let mut client = stage.client();
        for len in [5, 300, 70_000] {
            let frame = frame(Opcode::Binary, &pattern(len));
            let (head, rest) = frame.split_at(16.min(frame.len()));
            client.dribble(head);
            client.send(rest);
            echoed(&mut client, &pattern(len));
        }
    }),
    Case::new("fr-21", ECHO, |stage| {
        let mut client = stage.client();
        let all: Vec<u8> =
            (0..2000u32).flat_map(|number| frame(Opcode::Binary, &number.to_be_bytes())).collect();
        client.send(&all);
        for number in 0..2000u32 {
            echoed(&mut client, &number.to_be_bytes());
        }
    }),
    Case::new("fr-22", ECHO, |stage| {
        let (mut client, mut random) = (stage.client(), Random(7));
        for len in 0..=140 {
            let frame = frame(Opcode::Binary, &pattern(len));
            let mut cuts = [random.below(frame.len()), random.below(frame.len())];
            cuts.sort_unstable();
            client.send(&frame[..cuts[0]]);
            client.send(&frame[cuts[0]..cuts[1]]);
            client.send(&frame[cuts[1]..]);
            echoed(&mut client, &pattern(len));
        }
    }),
    Case::new("fr-23", ECHO, |stage| {
        let mut client = stage.client();
        let next = frame(Opcode::Binary, b"next");
        for cut in 1..next.len() {
            client.send(&join(&[&frame(Opcode::Binary, b"first"), &next[..cut]]));
            echoed(&mut client, b"first");
            client.send(&next[cut..]);
            echoed(&mut client, b"next");
        }
    }),
    Case::new("fr-24", ECHO, |stage| {
        // The client's decoder refuses a length in a form that is not the shortest.
        let mut client = stage.client();
        for len in [117, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 524_288] {
            client.send(&frame(Opcode::Binary, &pattern(len)));
            echoed(&mut client, &pattern(len));
        }
    }),
    Case::new("fr-25", SERVE, |stage| {
        let mut client = stage.client();
        client.echo(b"before");
        assert_eq!(SockRef::from(&client.stream).send_out_of_band(b"!").unwrap(), 1);
        stage.sleeps();
        client.echo(b"behind");
    }),
    Case::new("x-14", SERVE, |stage| {
        // Urgent data is no part of the stream, wherever in a frame it lies.
        let mut client = stage.client();
        let packet = packet(1101, 1, b"whole");
        for cut in 0..=packet.len() {
            client.send(&packet[..cut]);
            assert_eq!(SockRef::from(&client.stream).send_out_of_band(b"!").unwrap(), 1);
            stage.witness();
            client.send(&packet[cut..]);
            assert_eq!(client.reply(), Reply::new(1101, 1, b"whole"), "cut at {cut}");
        }
        stage.sleeps();
    }),
    Case::new("x-15", SERVE, |stage| {
        // Empty Pings and Pongs, many and unread: one Pong waits at most.
        let mut client = stage.client();
        client.stream.set_nonblocking(true).unwrap();
        let flood = frame(Opcode::Ping, b"").repeat(10_000);
        let grown = stage.grown(|| {
            for _ in 0..200 {
                // Bytes that the system does not take now are not sent: the next round begins within a frame.
                if !matches!(std::io::Write::write(&mut client.stream, &flood), Ok(len) if len % 6 == 0) {
                    break;
                }
                stage.witness();
            }
        });
        assert!(grown < 4 << 20, "{grown}");
    }),
    Case::new("x-16", SERVE, |stage| {
        // A text message where packets are served is refused by its header.
        closed(
            stage,
            1003,
            &[header(&[0x81, 0x80]), header(&[0x01, 0x80]), header(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0])],
        );
    }),
];

fn part_of(fin: bool, payload: &[u8]) -> Vec<u8> {
    crate::common::part(fin, Opcode::Binary, payload)
}

fn last_part(payload: &[u8]) -> Vec<u8> {
    crate::common::part(true, Opcode::Continuation, payload)
}
