//! How connections end: each close code has its line, with the cause.

use std::collections::BTreeSet;

use rustix::process::Signal;
use sysconn::frame::Opcode;

use super::{line_with, log, log_in, serve, text};
use crate::common::{self, Client, Frame, Program, Reply, close_codes, frame, join, part};

/// Close codes that `serve` never sends: none of its modules links an object.
const NOT_OF_SERVE: [u16; 2] = [4005, 4006];

type Act = fn(&Program, &mut Client);

/// A close code; the options of the program; the cause in the line; the action that ends the connection.
type Row = (u16, &'static [&'static str], &'static str, Act);

const ROWS: [Row; 16] = [
    (1000, &[], "closed by the client with 1000", |_, client| client.close()),
    (1001, &[], "going away", |program, _| program.signal(Signal::TERM)),
    (1002, &[], "a frame to a server is not masked", |_, client| client.send(b"\x82\x04data")),
    (1003, &[], "text", |_, client| client.send(&frame(Opcode::Text, b"text"))),
    (1007, &[], "UTF-8", |_, client| client.send(&frame(Opcode::Close, b"\x03\xe8\xff"))),
    (1009, &[], "(max-len)", |_, client| client.send(&part(true, Opcode::Binary, &[0; 1 << 20])[..20])),
    (1011, &["--diagnostics"], "handler failed", |_, client| client.send_packet(1106, 1, b"")),
    (4000, &[], "short packet", |_, client| client.send(&frame(Opcode::Binary, b"short"))),
    (4001, &[], "undecodable data: Message", |_, client| client.send_packet(1002, 1, b"\xff")),
    (4002, &[], "too many bad requests", |_, client| (0..11).for_each(|_| client.send_packet(2000, 1, b""))),
    (4003, &["--client-check", "300ms", "--ping-interval", "0"], "(client-check)", |_, _| {}),
    (4004, &["--account-check", "300ms"], "(account-check)", |_, _| {}),
    (4007, &[], "replaced by a newer login", |program, client| {
        log_in(client, "twin", 9, 1);
        log_in(&mut Client::connect(program.address()), "twin", 9, 1);
    }),
    (4008, &[], "(outbox-limit)", overflow),
    (4009, &["--read-timeout", "300ms", "--ping-interval", "0"], "(read-timeout)", |_, _| {}),
    (4010, &[], "closed by an operator", |program, client| {
        let mut operator = Client::connect(program.address());
        assert_eq!(log_in(&mut operator, "boss", 1, 2), 0);
        kick(&mut operator, client);
    }),
];

#[test]
fn each_close_code_has_its_line() {
    let mut codes = BTreeSet::new();
    for (code, options, cause, act) in ROWS {
        let program = serve(options);
        let mut client = Client::connect(program.address());
        let peer = format!("peer={}", client.stream.local_addr().unwrap());
        act(&program, &mut client);
        while !matches!(client.next(), Frame::Close(_) | Frame::End) {}
        drop(client);
        let line = line_with(&program, &["connection ended id=", &peer]);
        assert!(line.contains(&format!(" code={code} ")), "{code}: {line}");
        assert!(line.contains(cause), "{code}: {line}");
        match code {
            1011 => _ = line_with(&program, &["panic what=\"handler\"", "cmd=1106", "echo.rs"]),
            4007 => {
                _ = line_with(&program, &["login id=", "account=\"twin\" role_id=9 kind=\"game-server\""])
            }
            4010 => _ = line_with(&program, &["kick id=", "operator_account=\"boss\" operator_role_id=1"]),
            _ => {}
        }
        codes.insert(code);
    }
    codes.extend(NOT_OF_SERVE);
    let without_row: Vec<_> = close_codes().difference(&codes).copied().collect();
    assert_eq!(without_row, []);
}

/// Has the operator close another connection with 4010.
fn kick(operator: &mut Client, client: &Client) {
    let peer = client.stream.local_addr().unwrap().to_string();
    operator.send_packet(9002, 4, b"");
    let list = operator.reply().data;
    // Connection { id = 1; peer = 2; ... }: the id is the varint before the peer.
    let at = list.windows(peer.len()).position(|bytes| bytes == peer.as_bytes()).unwrap() - 2;
    let begin = (0..at).rev().find(|&at| list[at] == 0x08 && list[at - 2] == 0x12).unwrap();
    operator.send_packet(9003, 5, &list[begin..at]);
    assert_eq!(operator.reply(), Reply::new(9003, 5, b""));
}

/// Has another client send more to one that does not read than its outbox and the system hold.
fn overflow(program: &Program, slow: &mut Client) {
    let mut loud = Client::connect(program.address());
    for (client, role) in [(slow, 1), (&mut loud, 2)] {
        log_in(client, "player", role, 1);
        client.send_packet(1201, 2, &text(1, "hall"));
        client.reply();
    }
    let say = join(&[&text(1, "hall"), &text(2, &"x".repeat(400_000))]);
    for _ in 0..40 {
        loud.send_packet(1203, 3, &say);
        loud.next();
        loud.next();
    }
}

#[test]
fn the_line_of_an_end_has_the_counts_of_the_connection() {
    let program = serve(&["--max-packets-per-second", "1"]);
    let mut client = Client::connect(program.address());
    for _ in 0..5 {
        client.send_packet(1101, 1, b"");
        client.reply();
    }
    line_with(&program, &["bad input id=", "cmd=1101", "ErrorID 5 (max-packets-per-second)"]);
    client.close();
    drop(client);
    let line = line_with(&program, &["connection ended", "packets_in=5 packets_out=5", "last_cmd=1101"]);
    // Five packets of 15 bytes with their frame's header and key, and a Close of 8, behind the request.
    let sent = common::UPGRADE.len() + 5 * 15 + 8;
    assert!(line.contains(&format!("bytes_in={sent} ")), "{line}");
    assert_eq!(log(&program).matches("max-packets-per-second").count(), 1, "once a connection");
}
