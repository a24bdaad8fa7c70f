//! Secret Data and messages stay out of recordings.

use super::*;

#[test]
fn secret_data_leaves_no_hash() {
    let acts: [fn(&mut Rig); 6] = [
        |rig| rig.feed(UPGRADE),
        |rig| rig.request(LOGIN, b"data"),
        |rig| rig.request(SECRET, b"data"),
        |rig| rig.request(WATCH, b"data"),
        |rig| rig.request(SECRET_LATER, b"data"),
        |rig| rig.with(|conn, env| conn.handle_answer(4, Answer::Reply(b"data".to_vec()), env)),
    ];
    let mut rig = Rig::new(|_| {});
    rig.env.service = Service::Packets(&SECRETS);
    let expected = "\
Input bytes: 140
Verdict
Response status: 101 len: 129 hash: 15926894412256408506
Outcome by_application: true said: Done
Input bytes: 19
Packet seq: 1 cmd: 101 len: 4 route: Known secret: true
Outcome by_application: true said: Done login: Login role_id: 7 cost: 1
Input bytes: 19
Packet seq: 2 cmd: 150 len: 4 route: Known access: 1 secret: true
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 150 ]
Input bytes: 19
Packet seq: 3 cmd: 106 len: 4 route: Known access: 2 hash: of-data
Outcome said: Refuse error_id: 4 frames: [Frame opcode: 2 len: 11 packet: error_id: 4 cmd: 106 hash: of-nothing ]
Input bytes: 19
Packet seq: 4 cmd: 151 len: 4 route: Known secret: true
Outcome by_application: true said: Done deferred: Yes
Answer seq: 4 answer: Reply len: 4
Outcome said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 151 ]
";
    assert_eq!(notes_of(rig, &acts), expected);
}

#[cfg(feature = "deflate")]
#[test]
fn messages_are_noted_and_compressed_ones_only_by_length() {
    use messages::deflate::{OFFER, compressed_frame, shared};
    let acts: [fn(&mut Rig); 6] = [
        |rig| rig.feed(OFFER),
        |rig| rig.frame(Opcode::Text, b"data"),
        |rig| rig.frame(Opcode::Binary, b"data"),
        |rig| rig.feed(&compressed_frame(2, b"data")),
        |rig| rig.frame(Opcode::Binary, b"data"),
        |rig| rig.feed(&compressed_frame(1, &[0xff, 0xff])),
    ];
    let mut rig = Rig::new(shared);
    rig.env.service = Service::Messages(messages::echo_message);
    let expected = "\
Input bytes: 210
Verdict
Response status: 101 len: 231 hash: 11384223928514020259
Outcome by_application: true said: Done
Input bytes: 10
Message text: true len: 4 hash: of-data
Outcome by_application: true said: Done frames: [Frame opcode: 1 len: 4 hash: of-data ]
Input bytes: 10
Message len: 4 hash: of-data
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 4 hash: of-data ]
Input bytes: 12
Inflated len: 4 head: Bytes []
Message len: 4
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 4 hash: of-data ]
Input bytes: 10
Message len: 4 hash: of-data
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 4 hash: of-data ]
Input bytes: 10
Inflated head: Bytes [] error: 12
Closing reason: Reason kind: 7 detail: 12
Sent frame: Frame opcode: 8 len: 19 hash: 14571581022250908505
Flushed
";
    assert_eq!(notes_of(rig, &acts), expected);
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_packets_are_noted_only_by_header() {
    use messages::deflate::{OFFER, compressed_frame, shared};
    fn packet(cmd: u16, data_status: u8, data: &[u8]) -> Vec<u8> {
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status, flag: 0, cmd, data });
        compressed_frame(2, &packet)
    }
    let acts: [fn(&mut Rig); 4] = [
        |rig| rig.feed(OFFER),
        |rig| rig.feed(&packet(ECHO, 0, b"data")),
        |rig| rig.request(ECHO, b"data"),
        |rig| rig.feed(&compressed_frame(2, b"short")),
    ];
    let expected = "\
Input bytes: 210
Verdict
Response status: 101 len: 231 hash: 11384223928514020259
Outcome by_application: true said: Done
Input bytes: 18
Inflated len: 13 head: Bytes [0 4 0 0 0 0 0 0 100]
Packet seq: 1 cmd: 100 len: 4 route: Known
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data ]
Input bytes: 19
Packet seq: 2 cmd: 100 len: 4 route: Known hash: of-data
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data ]
Input bytes: 13
Inflated len: 5 head: Bytes [115 104 111 114 116]
Closing reason: Reason kind: 9
Sent frame: Frame opcode: 8 len: 14 hash: 2728556666207052764
Flushed
";
    assert_eq!(notes_of(Rig::new(shared), &acts), expected);
}
