//! Hostile and broken clients: their sessions replay without a difference, in whatever pieces their bytes
//! came.

use sysconn::frame::Opcode;

use crate::common::{Server, UPGRADE, frame, join, message, packet, part, upgrade_of, zlib_stored};
use crate::recorded::{Directory, check, record, send_session};

/// What a hostile or a broken client sends behind its upgrade.
pub(crate) fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mut unmasked = vec![0x82, 12];
    unmasked.extend_from_slice(&message(1101, 1, 0, b"abc"));
    let echo = packet(1101, 1, b"first");
    let behind_echo = |bytes: &[u8]| join(&[&echo, bytes]);
    vec![
        ("nothing", vec![]),
        ("not masked", unmasked),
        ("a reserved bit", behind_echo(&[0xc2, 0x80, 1, 2, 3, 4])),
        ("a reserved opcode", behind_echo(&[0x83, 0x80, 1, 2, 3, 4])),
        ("text", behind_echo(&frame(Opcode::Text, b"text"))),
        ("a length of 2^63", behind_echo(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        ("a length above the limit", behind_echo(&[0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0])),
        ("a length in a longer form", behind_echo(&[0x82, 0xfe, 0, 4])),
        ("a continuation of nothing", behind_echo(&part(true, Opcode::Continuation, b"x"))),
        ("a message within another", join(&[&part(false, Opcode::Binary, b"x"), &echo])),
        ("a long Ping", frame(Opcode::Ping, &[0; 126])),
        ("a Close of one byte", behind_echo(&frame(Opcode::Close, b"x"))),
        ("a Close with a bad code", frame(Opcode::Close, &1005u16.to_be_bytes())),
        ("Pings between fragments", {
            let whole = message(1101, 9, 0, b"in three");
            join(&[
                &part(false, Opcode::Binary, &whole[..3]),
                &frame(Opcode::Ping, b"one"),
                &part(false, Opcode::Continuation, &whole[3..12]),
                &frame(Opcode::Pong, b"two"),
                &part(true, Opcode::Continuation, &whole[12..]),
                &frame(Opcode::Close, &1000u16.to_be_bytes()),
            ])
        }),
        ("a short packet", behind_echo(&frame(Opcode::Binary, b"12345678"))),
        ("a wrong DataSize", behind_echo(&frame(Opcode::Binary, &[0, 9, 0, 0, 0, 0, 1, 4, 77, 1]))),
        ("unknown commands", packet(4242, 5, b"whatever").repeat(12)),
        ("garbage for zlib", frame(Opcode::Binary, &message(1101, 1, 1, b"garbage"))),
        ("zlib", frame(Opcode::Binary, &message(1101, 1, 1, &zlib_stored(b"plain")))),
        ("an unknown DataStatus", frame(Opcode::Binary, &message(1101, 1, 9, b"x"))),
        ("Data that does not decode", behind_echo(&packet(1109, 1, b"x"))),
        ("a handler that panics", behind_echo(&packet(1107, 1, b"last words"))),
        ("a handler that closes", join(&[&echo, &packet(1108, 1, b""), &echo])),
        ("2000 packets", packet(1101, 7, b"many").repeat(2000)),
        ("a large packet", packet(1101, 7, &[7; 500_000])),
        ("half a packet", echo[..9].to_vec()),
    ]
}

#[test]
fn hostile_sessions_replay_in_any_pieces() {
    let sessions = hostile();
    for piece in [usize::MAX, 1, 7, 1460] {
        let directory = Directory::new();
        let server = Server::packets(&directory.config());
        let mut names = vec![];
        for (name, bytes) in sessions.iter().filter(|(_, bytes)| bytes.len() / piece < 2000) {
            send_session(&server, UPGRADE, bytes, piece);
            names.push(*name);
        }
        drop(server);
        let files = directory.files();
        assert_eq!(files.len(), names.len());
        files.iter().for_each(|file| drop(check(file, &format!("pieces of {piece}, one of {names:?}"))));
    }
}

#[test]
fn refused_requests_are_replayed() {
    let requests: [&[u8]; 9] = [
        b"GET / HTTP/1.0\r\nHost: h\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01 a client that speaks TLS",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &upgrade_of("/refused", ""),
        &upgrade_of("/panic-in-upgrade", ""),
        &upgrade_of("/panic-in-opened", ""),
        &upgrade_of("/", &format!("X: {}\r\n", "x".repeat(9000))),
    ];
    for piece in [usize::MAX, 1, 5] {
        for request in requests {
            let file = record(|_| {}, |server| send_session(server, request, b"", piece));
            check(&file, &format!("{} in pieces of {piece}", request.escape_ascii()));
        }
    }
}
