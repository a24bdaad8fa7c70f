//! The program's log: bounded, escaped, with warnings about options.

use sysconn::frame::Opcode;

use crate::common::{Client, Frame, Reply, UPGRADE, frame, join, still_serves};
use crate::serve;

#[test]
fn clients_cannot_flood_the_log() {
    let program = serve(&[]);
    for _ in 0..1000 {
        let mut client = Client::connect(program.address());
        client.send(b"\x82\x04data");
        client.expect_close(1002, "not masked");
    }
    let log = String::from_utf8(program.log()).unwrap();
    let before: usize = log.lines().filter(|line| line.contains("bad input")).map(str::len).sum();
    assert!(before > 0, "the first of them are logged");
    assert!(before <= 16 * 1024, "{before} bytes");

    // One connection causes at most ten lines, including the one with the reason for the close.
    let program = serve(&[]);
    let mut client = Client::connect(program.address());
    for flag in 0..11 {
        client.send_packet(2000, flag, b"");
    }
    for flag in 0..10 {
        assert_eq!(client.reply(), Reply::refusal(2000, flag, 1));
    }
    client.expect_close(4002, "bad requests");
    still_serves(program.address());
    let log = String::from_utf8(program.log()).unwrap();
    let lines = log.lines().filter(|line| line.contains("cmd=2000 reason=")).count();
    assert_eq!(lines, 10, "{log}");
}

#[test]
fn options_that_work_against_each_other_are_logged_once_at_the_start() {
    let cases: [(&[&str], &str); 5] = [
        (&["--workers", "2"], ""),
        (
            &["--ping-interval", "90s", "--workers", "2"],
            "--ping-interval 90s is not below --read-timeout 60s: ",
        ),
        (
            &["--liveness", "frames", "--client-check", "10s"],
            "--ping-interval 25s is not below --client-check 10s: ",
        ),
        (
            &["--liveness", "frames", "--ping-interval", "0"],
            "--liveness frames counts Pongs, and --ping-interval is off ",
        ),
        (&["--drain-rate", "100"], "--drain-rate 100 tells 500 clients to leave within --drain-timeout 5s: "),
    ];
    for (options, expected) in cases {
        let log = String::from_utf8(serve(options).log()).unwrap();
        let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(warnings.len(), usize::from(!expected.is_empty()), "{options:?}: {log}");
        assert!(warnings.iter().all(|line| line.contains(expected)), "{options:?}: {log}");
    }
}

#[test]
fn client_input_is_escaped_in_the_log() {
    let program = serve(&["--log", "debug"]);
    let head = std::str::from_utf8(UPGRADE).unwrap();
    for evil in ["\x1b[31m", "\x07", "\rinjected", "\x0binjected", "\u{9b}31m", "%0d%0ainjected"] {
        let requests = [
            head.replace("/chat", &format!("/{evil}")),
            head.replace("\r\n\r\n", &format!("\r\nX: {evil}\r\n\r\n")),
            head.replace("\r\n\r\n", &format!("\r\nOrigin: {evil}\r\n\r\n")),
            head.replace("localhost", &format!("localhost{evil}")),
            head.replace("dGhl", evil),
            head.replace("GET", evil),
        ];
        for request in requests {
            let mut client = Client::raw(program.address());
            client.send(request.as_bytes());
            client.shutdown_write();
            // Refused or accepted, and then the end.
            client.read_head();
        }
        for message in [evil.as_bytes(), b"0123456789\x1b[31m\r\n"] {
            let mut client = Client::connect(program.address());
            client.send(&frame(Opcode::Binary, message));
            client.send(&frame(Opcode::Close, &join(&[&1000u16.to_be_bytes(), evil.as_bytes()])));
            while client.next() != Frame::End {}
        }
    }
    still_serves(program.address());
    let log = program.log();
    assert!(!log.is_empty());
    let raw = log.iter().find(|&&byte| byte != b'\n' && !(0x20..0x7f).contains(&byte));
    assert_eq!(raw, None, "{}", String::from_utf8_lossy(&log));
    assert!(!String::from_utf8_lossy(&log).lines().any(|line| line.starts_with("injected")));
}
