//! Messages in fragments: out of order, without an end, empty, or too many.

use std::io::Write as _;

use crate::common::{Frame, frame, join, message, part};
use crate::frames::{closed, echoed, header, pattern};
use crate::stage::{Case, ECHO, SERVE, Setup, play};
use sysconn::frame::Opcode;

#[test]
fn fragments() {
    play(CASES);
}

fn first(payload: &[u8]) -> Vec<u8> {
    part(false, Opcode::Binary, payload)
}

fn middle(payload: &[u8]) -> Vec<u8> {
    part(false, Opcode::Continuation, payload)
}

fn last(payload: &[u8]) -> Vec<u8> {
    part(true, Opcode::Continuation, payload)
}

pub(crate) const CASES: &[Case] = &[
    Case::new("fg-01", SERVE, |stage| {
        closed(stage, 1002, &[last(b"x"), middle(b"x"), header(&[0x80, 0x80])])
    }),
    Case::new("fg-02", ECHO, |stage| {
        for opcode in [Opcode::Binary, Opcode::Text] {
            closed(
                stage,
                1002,
                &[
                    join(&[&first(b"x"), &frame(opcode, b"y")]),
                    join(&[&first(b""), &part(false, opcode, b"")]),
                ],
            );
        }
    }),
    Case::new("fg-03", ECHO, |stage| {
        let mut client = stage.client();
        client.send(&join(&[&first(b"one"), &frame(Opcode::Ping, b"between")]));
        assert_eq!(client.next(), Frame::Pong(b"between".to_vec()));
        client.send(&last(b"two"));
        echoed(&mut client, b"onetwo");
    }),
    Case::new("fg-04", ECHO, |stage| {
        let mut client = stage.client();
        client.send(&join(&[&first(b"part"), &frame(Opcode::Close, &1000u16.to_be_bytes())]));
        client.expect_close(1000, "nothing of the message comes back");
    }),
    Case::new("fg-05", ECHO, |stage| {
        let mut client = stage.client();
        let most = join(&[&first(&[7]), &middle(&[7]).repeat(19_998)]);
        let grown = stage.grown(|| {
            client.send(&most);
            client.send(&frame(Opcode::Ping, b"all of it"));
            assert_eq!(client.next(), Frame::Pong(b"all of it".to_vec()));
        });
        assert!(grown < 1 << 20, "{grown}");
        client.send(&last(&[7]));
        echoed(&mut client, &[7; 20_000]);
    }),
    Case::new("fg-07", SERVE, |stage| {
        let quarter = pattern(524_288 / 4);
        let whole = join(&[&first(&quarter), &middle(&quarter).repeat(3)]);
        // The fifth is announced, and none of it comes.
        closed(
            stage,
            1009,
            &[
                join(&[&whole, &header(&[0x00, 0xff, 0, 0, 0, 0, 0, 2, 0, 0])]),
                join(&[&whole, &header(&[0x00, 0x81])]),
            ],
        );
    }),
    Case::new("fg-08", SERVE, |stage| {
        let whole = message(1101, 1, 0, b"never to be handled");
        for cut in 0..=whole.len() {
            let mut client = stage.client();
            client.send(&first(&whole[..cut]));
            client.shutdown_write();
            assert_eq!(client.next(), Frame::End, "{cut}");
        }
    }),
    Case::new("fg-09", ECHO, |stage| {
        let mut client = stage.client();
        for parts in [
            vec![first(b""), middle(b"x"), last(b"")],
            vec![first(b"x"), last(b"")],
            vec![first(b""), middle(b""), middle(b""), last(b"x")],
        ] {
            client.send(&parts.concat());
            echoed(&mut client, b"x");
        }
        client.send(&join(&[&first(b""), &last(b""), &frame(Opcode::Binary, b"")]));
        echoed(&mut client, b"");
        echoed(&mut client, b"");
    }),
    Case::new("x-17", Setup::Echo(&["--max-len", "4096"]), |stage| {
        // Empty continuations come to an end, and hold nothing.
        let mut client = stage.client();
        let allowed = 1024 + 4096 / 4;
        client.send(&join(&[&first(b"x"), &middle(b"").repeat(allowed - 2), &last(b"")]));
        echoed(&mut client, b"x");
        let flood = join(&[&first(b""), &middle(b"").repeat(allowed)]);
        let too_long = join(&[&first(b""), &middle(&[7; 64]).repeat(64), &middle(b""), &middle(b"x")]);
        closed(stage, 1009, &[flood, too_long]);
        let mut client = stage.client();
        client.send(&join(&[&first(b""), &middle(&[7; 64]).repeat(64), &last(b"")]));
        echoed(&mut client, &[7; 4096]);
    }),
    Case::new("x-18", SERVE, |stage| {
        // The same at full size: 800 KiB without content.
        let mut client = stage.client();
        let grown = stage.grown(|| {
            let _ = client.stream.write_all(&join(&[&first(b""), &middle(b"").repeat(1024 + 524_288 / 4)]));
            client.expect_close(1009, "empty fragments");
        });
        assert!(grown < 2 << 20, "{grown}");
    }),
    Case::new("x-20", ECHO, |stage| {
        // A Ping, a Pong and urgent data between all of them.
        let mut client = stage.client();
        let mut bytes = first(b"0");
        for number in 1..200u8 {
            bytes.extend(join(&[
                &frame(Opcode::Ping, &[number]),
                &frame(Opcode::Pong, &[number]),
                &middle(b"1"),
            ]));
        }
        bytes.extend(last(b"2"));
        client.dribble(&bytes[..100]);
        client.send(&bytes[100..]);
        for number in 1..200u8 {
            assert_eq!(client.next(), Frame::Pong(vec![number]));
        }
        echoed(&mut client, &join(&[b"0", &[b'1'; 199], b"2"]));
    }),
];
