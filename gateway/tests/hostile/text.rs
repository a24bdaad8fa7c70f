//! Text that is not UTF-8, wherever it is cut.

use crate::common::{Frame, frame, join, part};
use crate::stage::{Case, ECHO, play};
use sysconn::frame::Opcode;

#[test]
fn text() {
    play(CASES);
}

pub(crate) const CASES: &[Case] = &[
    Case::new("u8-01", ECHO, |stage| {
        let bad: [&[u8]; 9] = [
            b"\xff",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"cut \xce\xba\xe1\xbd",
            b"\xf8\x88\x80\x80\x80",
            b"\xc1\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\x80",
        ];
        for text in bad {
            stage.closes("whole", &frame(Opcode::Text, text), 1007);
            for cut in 0..=text.len() {
                let (first, last) = text.split_at(cut);
                let parts =
                    join(&[&part(false, Opcode::Text, first), &part(true, Opcode::Continuation, last)]);
                stage.closes(&format!("{text:?} cut at {cut}"), &parts, 1007);
            }
        }
    }),
    Case::new("u8-02", ECHO, |stage| {
        let mut client = stage.client();
        let text = "\u{3ba}\u{1f79} \u{10ffff} \u{d7ff}".as_bytes();
        for cut in 0..=text.len() {
            let (first, last) = text.split_at(cut);
            client.send(&join(&[
                &part(false, Opcode::Text, first),
                &frame(Opcode::Ping, b""),
                &part(true, Opcode::Continuation, last),
            ]));
            assert_eq!(client.next(), Frame::Pong(vec![]));
            assert_eq!(client.next(), Frame::Text(text.to_vec()), "cut at {cut}");
        }
    }),
    Case::new("x-26", ECHO, |stage| {
        // Text that can no longer become UTF-8 is refused before the message is complete.
        let mut client = stage.client();
        client.send(&part(false, Opcode::Text, b"\xf4\x90"));
        client.expect_close(1007, "in the first fragment");
        let mut client = stage.client();
        client
            .send(&join(&[&part(false, Opcode::Text, b"\xf4"), &part(false, Opcode::Continuation, b"\x90")]));
        client.expect_close(1007, "in the second fragment");
        let mut client = stage.client();
        client.send(&frame(Opcode::Text, &join(&[b"\xff", &[b'a'; 70_000]]))[..1000]);
        client.expect_close(1007, "in the first bytes of a frame");
    }),
];
