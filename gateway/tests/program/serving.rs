//! The answers of `serve` and `echo`, and an address that is in use.

use std::io::Read;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use sysconn::frame::Opcode;

use crate::common::{
    Client, Frame, PATIENCE, Program, Reply, eventually, frame, join, packet, still_echoes, still_serves,
};
use crate::serve;

#[test]
fn module_11_answers() {
    let program = serve(&["--diagnostics"]);
    let mut client = Client::connect(program.address());
    client.send(&join(&[
        &packet(1101, 1, b"echo"),
        &packet(1102, 2, b"sink"),
        &packet(1103, 3, &[0x12, 0x34]),
        &packet(1104, 4, &[0, 3]),
        &packet(1105, 5, b"\0\0\0\x05later"),
        &packet(1101, 6, b"behind"),
    ]));
    let expected = [
        Reply::new(1101, 1, b"echo"),
        Reply::refusal(1103, 3, 0x1234),
        Reply::new(1104, 4, &[0, 0, 0, 0]),
        Reply::new(1104, 4, &[0, 0, 0, 1]),
        Reply::new(1104, 4, &[0, 0, 0, 2]),
        Reply::new(1105, 5, b"later"),
        Reply::new(1101, 6, b"behind"),
    ];
    for reply in expected {
        assert_eq!(client.reply(), reply);
    }
    let mut other = Client::connect(program.address());
    other.send_packet(1106, 1, b"");
    other.expect_close(1011, "1106");
    for (cmd, data) in [(1103, &b"\0"[..]), (1103, b"\0\0"), (1104, b"\0\0\0"), (1105, b"\0\0\0")] {
        let mut other = Client::connect(program.address());
        other.send_packet(cmd, 1, data);
        other.expect_close(4001, &format!("{cmd} {data:?}"));
    }
    client.echo(b"untouched");

    // Without the switch there is no such command.
    let program = serve(&[]);
    let mut client = Client::connect(program.address());
    client.send_packet(1106, 1, b"");
    assert_eq!(client.reply(), Reply::refusal(1106, 1, 1));
    client.close();
}

#[test]
fn echo_echoes_text_and_binary_up_to_64_mib() {
    let program = Program::start(&["echo", "--listen", "127.0.0.1:0", "--max-len", "64MiB"]);
    let mut client = Client::connect(program.address());
    client.send(&frame(Opcode::Text, "κόσμε".as_bytes()));
    assert_eq!(client.next(), Frame::Text("κόσμε".into()));
    let large = vec![0x5a; 3 << 20];
    client.send(&frame(Opcode::Binary, &large));
    assert_eq!(client.next(), Frame::Binary(large));
    client.close();
    still_echoes(program.address());
}

#[test]
fn a_burst_is_sent_whole_or_refused() {
    // A reply of 4 bytes takes 17.
    let cases: [(&[&str], u16, bool); 8] = [
        (&[], 61_680, true),
        (&[], 61_681, false),
        (&[], 65_535, false),
        (&["--overflow", "drop"], 65_535, false),
        (&["--outbox-limit", "600000", "--compress-above", "1"], 35_294, true),
        (&["--outbox-limit", "600000", "--compress-above", "1"], 35_295, false),
        (&["--outbox-limit", "0"], 65_535, true),
        (&[], 0, true),
    ];
    for (options, count, whole) in cases {
        let program = serve(options);
        let mut client = Client::connect(program.address());
        client.send_packet(1104, 7, &count.to_be_bytes());
        if whole {
            for index in 0..u32::from(count) {
                assert_eq!(client.reply(), Reply::new(1104, 7, &index.to_be_bytes()), "{options:?}");
            }
        } else {
            assert_eq!(client.reply(), Reply::refusal(1104, 7, 6), "{options:?} {count}");
        }
        client.echo(b"behind it");
    }
}

#[test]
fn an_address_in_use_ends_the_program_with_one_line_and_status_2() {
    for first in ["1", "2"] {
        let program = serve(&["--workers", first]);
        for (mode, workers) in [("serve", "1"), ("echo", "1"), ("serve", "2"), ("echo", "3")] {
            let output = Command::new(env!("CARGO_BIN_EXE_sysconn"))
                .args([mode, "--listen", &program.listening, "--workers", workers])
                .env_clear()
                .output()
                .unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(output.stdout.is_empty());
            assert!(error.starts_with("sysconn: ") && error.contains(&program.listening), "{error}");
            assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
        }
        still_serves(program.address());
    }
}

#[test]
fn a_stopped_program_reads_its_sockets_before_it_closes_silent_clients() {
    let timers = ["--read-timeout", "2s", "--client-check", "2s", "--ping-interval", "0"];
    for workers in ["1", "3"] {
        let program = serve(&[&timers[..], &["--workers", workers]].concat());
        let mut clients: Vec<_> = (0..6).map(|_| Client::connect(program.address())).collect();
        let mut silent = Client::connect(program.address());
        for client in &mut clients {
            client.echo(b"before");
        }
        program.signal(Signal::STOP);
        eventually("it stands still", || program.is_stopped());
        for client in &mut clients {
            client.send_packet(1101, 7, b"meanwhile");
        }
        // Longer than the timers, in which nothing comes.
        clients[0].stream.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
        clients[0].stream.read_exact(&mut [0]).unwrap_err();
        program.signal(Signal::CONT);
        clients[0].stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for client in &mut clients {
            assert_eq!(client.reply(), Reply::new(1101, 7, b"meanwhile"));
        }
        // This check shows that the timers are on.
        assert_eq!(silent.next(), Frame::Ping(vec![]));
        assert!(matches!(silent.next(), Frame::Close(Some(4003 | 4009))));
    }
}
