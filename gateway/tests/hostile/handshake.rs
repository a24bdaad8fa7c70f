//! Upgrade requests: valid, invalid, and from clients that policy refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::common::{Client, Frame, UPGRADE, frame, join, packet, upgrade_of};
use crate::stage::{Case, ECHO, ORIGIN, Random, SERVE, Setup, Stage, play};
use sysconn::frame::Opcode;

#[test]
fn requests() {
    play(CASES);
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The upgrade request with a part of it replaced.
pub(crate) fn with(from: &str, to: &str) -> Vec<u8> {
    let request = std::str::from_utf8(UPGRADE).unwrap();
    assert!(request.contains(from), "{from}");
    request.replace(from, to).into_bytes()
}

/// The upgrade request with more lines.
pub(crate) fn plus(lines: &str) -> Vec<u8> {
    upgrade_of("/chat", lines)
}

/// Each of these is refused with one of the statuses.
pub(crate) fn refused(stage: &Stage, statuses: &[u16], requests: &[Vec<u8>]) {
    for request in requests {
        stage.refuses(&request.escape_ascii().to_string(), request, statuses);
    }
}

pub(crate) const CASES: &[Case] = &[
    Case::new("hs-01", SERVE, |stage| {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for nonce in [vec![0; 16], vec![0xff; 16], random.bytes(16), random.bytes(16)] {
            let key = STANDARD.encode(nonce);
            let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
            let head = stage.accepts(&key, &with(KEY, &key));
            let accept = format!("\r\nSec-WebSocket-Accept: {}\r\n", STANDARD.encode(digest));
            assert!(head.contains(&accept), "{head}");
            for invented in ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"] {
                assert!(!head.contains(invented), "{head}");
            }
        }
    }),
    Case::new("hs-02", SERVE, |stage| {
        let mut client = stage.raw();
        client.dribble(UPGRADE);
        client.read_upgraded();
        client.echo(b"byte by byte");
    }),
    Case::new("hs-03", SERVE, |stage| {
        for missing in 1..=3 {
            let mut client = stage.raw();
            let (most, rest) = UPGRADE.split_at(UPGRADE.len() - missing);
            client.send(most);
            stage.witness();
            client.send(rest);
            client.read_upgraded();
            client.echo(b"in two");
        }
    }),
    Case::new("hs-04", ECHO, |stage| {
        let mut client = stage.raw();
        client.send(&join(&[UPGRADE, &frame(Opcode::Binary, b"one"), &frame(Opcode::Binary, b"two")]));
        client.read_upgraded();
        assert_eq!(client.next(), Frame::Binary(b"one".to_vec()));
        assert_eq!(client.next(), Frame::Binary(b"two".to_vec()));
    }),
    Case::new("hs-05", ECHO, |stage| {
        let frame = frame(Opcode::Binary, b"early");
        for cut in 1..=7 {
            let mut client = stage.raw();
            client.send(&join(&[UPGRADE, &frame[..cut]]));
            client.read_upgraded();
            stage.witness();
            client.send(&frame[cut..]);
            assert_eq!(client.next(), Frame::Binary(b"early".to_vec()), "{cut}");
        }
    }),
    Case::new("hs-06", SERVE, |stage| refused(stage, &[400], &[with("Host: localhost\r\n", "")])),
    Case::new("hs-07", SERVE, |stage| {
        refused(stage, &[400], &["Host: localhost\r\n", "host: evil.example\r\n"].map(plus));
    }),
    Case::new("hs-08", SERVE, |stage| refused(stage, &[405], &[with("GET", "POST"), with("GET", "HEAD")])),
    Case::new("hs-09", SERVE, |stage| {
        refused(
            stage,
            &[400],
            &["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2"].map(|v| with("HTTP/1.1", v)),
        );
    }),
    Case::new("hs-10", SERVE, |stage| {
        refused(stage, &[400], &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), b"PRI * HTTP/2".to_vec()]);
    }),
    Case::new("hs-11", SERVE, |stage| {
        // One byte is enough: the refusal comes at once.
        refused(stage, &[400], &[b"\x16".to_vec(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()]);
    }),
    Case::new("hs-12", SERVE, |stage| {
        let answer = stage.refuses("no key", &with(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""), &[400]);
        assert!(!answer.contains("Accept"), "{answer}");
    }),
    Case::new("hs-13", SERVE, |stage| {
        let lines =
            [KEY, "AAAAAAAAAAAAAAAAAAAAAA=="].map(|key| plus(&format!("sec-websocket-key: {key}\r\n")));
        refused(stage, &[400], &lines);
    }),
    Case::new("hs-14", SERVE, |stage| {
        let keys = [0, 3, 15, 17, 18, 48].map(|len| with(KEY, &STANDARD.encode(vec![0; len])));
        refused(stage, &[400], &keys);
    }),
    Case::new("hs-15", SERVE, |stage| refused(stage, &[400], &[with(KEY, "!!!!!!!!!!!!!!!!!!!!!!==")])),
    Case::new("hs-16", SERVE, |stage| {
        let answer = stage.refuses("version 12", &with("Version: 13", "Version: 12"), &[426]);
        assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
    }),
    Case::new("hs-17", SERVE, |stage| refused(stage, &[426], &[with("Sec-WebSocket-Version: 13\r\n", "")])),
    Case::new("hs-18", SERVE, |stage| {
        let drafts = ["7", "8", "0"].map(|draft| {
            let lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
            let request = String::from_utf8(with(lines, "")).unwrap();
            request.replace("Version: 13", &format!("Version: {draft}")).into_bytes()
        });
        refused(stage, &[426], &drafts);
    }),
    Case::new("hs-19", SERVE, |stage| {
        refused(stage, &[426], &[with("Upgrade: websocket\r\n", ""), with(": websocket", ": h2c")]);
    }),
    Case::new("hs-20", SERVE, |stage| {
        let values =
            ["", "Upgraded", "xUpgrade", "keep-alive; Upgrade", "\"Upgrade\"", "Up grade", "Upgrade;"];
        refused(
            stage,
            &[426],
            &values.map(|value| with("Connection: Upgrade", &format!("Connection: {value}"))),
        );
        refused(stage, &[426], &[with("Connection: Upgrade\r\n", "")]);
    }),
    Case::new("hs-21", SERVE, |stage| {
        for value in [
            "keep-alive, uPgRaDe",
            "keep-alive ,\tUpgrade",
            "keep-alive\r\nConnection: Upgrade",
            ",,upgrade,",
        ] {
            stage.accepts(value, &with("Connection: Upgrade", &format!("Connection: {value}")));
        }
    }),
    Case::new("hs-22", SERVE, |stage| {
        stage.accepts("odd case", &with("Upgrade: websocket", "uPGRADE: WebSocket"));
        stage.accepts("odd case", &with("Sec-WebSocket-Key", "sEC-wEBsOCKET-kEY"));
    }),
    Case::new("hs-23", SERVE, |stage| {
        stage.accepts("white space", &with("Upgrade: websocket", "Upgrade:websocket \t"));
    }),
    Case::new("hs-25", SERVE, |stage| {
        let mut request = plus("Transfer-Encoding: chunked\r\n");
        request.extend(b"5\r\n\x82\x80\0\0\0\r\n0\r\n\r\n");
        refused(stage, &[400], &[request]);
    }),
    Case::new("hs-26", SERVE, |stage| {
        refused(stage, &[400], &["X: a\r\n b\r\n", "X: a\r\n\tb\r\n"].map(plus))
    }),
    Case::new("hs-27", SERVE, |stage| {
        refused(
            stage,
            &[400],
            &["Upgrade : websocket", "Upgrade\t: websocket"].map(|to| with("Upgrade: websocket", to)),
        );
    }),
    Case::new("hs-28", SERVE, |stage| {
        refused(stage, &[400], &[plus("X-A: 1\rTransfer-Encoding: chunked\r\n"), plus("X-A: 1\r\r\n")]);
    }),
    Case::new("hs-29", SERVE, |stage| {
        refused(stage, &[400], &["X: \0\r\n", "X: a\0b\r\n", "X: a\0\r\n"].map(plus))
    }),
    Case::new("hs-30", SERVE, |stage| {
        refused(stage, &[400], &[with("\r\n", "\n"), with("\r\nUpgrade", "\nUpgrade"), plus("X: a\n")]);
    }),
    Case::new("hs-31", SERVE, |stage| {
        stage.accepts("an empty line", &join(&[b"\r\n", UPGRADE]));
        refused(stage, &[400], &[join(&[b"\r\n\r\n", UPGRADE])]);
    }),
    Case::new("hs-32", SERVE, |stage| {
        let request = join(&[b"GET / HTTP/1.1\r\nX-Long: ", &vec![b'a'; 8 << 20]]);
        let grown = stage.grown(|| drop(stage.refuses("8 MiB", &request, &[431])));
        assert!(grown < 2 << 20, "{grown}");
    }),
    Case::new("hs-33", SERVE, |stage| refused(stage, &[431], &[plus(&"X: a\r\n".repeat(5000))])),
    Case::new("hs-34", SERVE, |stage| {
        refused(stage, &[431], &[with("/chat", &format!("/{}", "a".repeat(65_536)))])
    }),
    Case::new("hs-35", SERVE, |stage| {
        for target in ["http://localhost/chat", "ws://localhost:9001/chat", "HTTP://localhost"] {
            stage.accepts(target, &with("/chat", target));
        }
    }),
    Case::new("hs-36", SERVE, |stage| {
        let lines = [
            "GET /\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET /  HTTP/1.1\r\n",
            "GET / x HTTP/1.1\r\n",
            "GET / HTTX/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "GET /\x01 HTTP/1.1\r\n",
            "GET /\0 HTTP/1.1\r\n",
            "G\0T / HTTP/1.1\r\n",
            " GET / HTTP/1.1\r\n",
            "\r\n\r\n",
            "GET\t/ HTTP/1.1\r\n",
            "GET / http/1.1\r\n",
            "\u{feff}GET / HTTP/1.1\r\n",
        ];
        refused(stage, &[400], &lines.map(|line| with("GET /chat HTTP/1.1\r\n", line)));
    }),
    Case::new("hs-37", Setup::Serve(&["--origin", "https://game.example"]), |stage| {
        stage.accepts("the right one", &plus(ORIGIN));
        let foreign = [
            "https://evil.example",
            "https://game.example.evil.example",
            "https://evilgame.example",
            "http://game.example",
            "https://game.example:8443",
            "https://game.example/",
            "null",
            "",
            "https://game.example https://evil.example",
        ];
        refused(stage, &[403], &foreign.map(|origin| plus(&format!("Origin: {origin}\r\n"))));
        refused(stage, &[403], &[UPGRADE.to_vec()]);
        refused(stage, &[400], &[plus(&format!("{ORIGIN}Origin: https://evil.example\r\n"))]);
    }),
    Case::new("hs-38", Setup::Serve(&["--subprotocol", "b"]), |stage| {
        let spaces = plus(&format!("Sec-WebSocket-Protocol: b{}x\r\n", " ".repeat(3000)));
        assert!(!stage.accepts("spaces", &spaces).contains("Sec-WebSocket-Protocol"));
        let head = stage.accepts("the list", &plus("Sec-WebSocket-Protocol: a, b\r\n"));
        assert!(head.contains("\r\nSec-WebSocket-Protocol: b\r\n"), "{head}");
    }),
    Case::new("hs-39", Setup::Serve(&["--deflate", "dedicated"]), |stage| {
        for parameters in [
            "server_max_window_bits=99",
            "server_max_window_bits=8",
            "server_max_window_bits=08",
            "server_max_window_bits",
            "server_max_window_bits=",
            "server_max_window_bits=-9",
            "client_max_window_bits=16",
            "client_max_window_bits=7",
            "server_no_context_takeover=1",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits=9; server_max_window_bits=9",
            "constructor",
            "__proto__=9",
            "x=\"unclosed",
            "=",
            ";;",
            "server_max_window_bits=1e1",
            "server_max_window_bits=18446744073709551625",
        ] {
            let offer = format!("Sec-WebSocket-Extensions: permessage-deflate; {parameters}\r\n");
            let head = stage.accepts(parameters, &plus(&offer));
            assert!(!head.contains("Extensions"), "{parameters}: {head}");
        }
    }),
    Case::new("hs-40", Setup::Serve(&["--deflate", "dedicated"]), |stage| {
        let offers = format!("Sec-WebSocket-Extensions: {}\r\n", ["permessage-deflate"; 60].join(", "));
        let head = stage.accepts("60 offers", &plus(&offers));
        assert_eq!(head.matches("permessage-deflate").count(), 1, "{head}");
    }),
    Case::new("hs-41", SERVE, |stage| {
        for _ in 0..30 {
            let mut client = stage.raw();
            client.send(&UPGRADE[..60]);
            client.shutdown_write();
            assert_eq!(client.next(), Frame::End);
        }
    }),
    Case::new("hs-43", Setup::Serve(&["--handshake-timeout", "300ms"]), |stage| {
        let slow = [0, 1, 60, UPGRADE.len() - 1].map(|len| {
            let mut client = stage.raw();
            client.send(&UPGRADE[..len]);
            client
        });
        for mut client in slow {
            assert_eq!(client.read_refusal().0, 408);
        }
    }),
    Case::new("hs-45", SERVE, |stage| {
        for round in 0..200 {
            let mut client = stage.raw();
            client.send(UPGRADE);
            if round % 2 == 0 {
                client.read_upgraded();
            }
            Client::reset(client);
        }
    }),
    Case::new("hs-47", SERVE, |stage| {
        let head = stage.accepts("an expectation", &plus("Expect: 100-continue\r\n"));
        assert!(!head.contains(" 100 "), "{head}");
    }),
    Case::new("hs-48", SERVE, |stage| {
        refused(
            stage,
            &[400],
            &[": x\r\n", ":\r\n", "X\x01Y: a\r\n", "X Y: a\r\n", "X\r\n", "\u{ff}: a\r\n"].map(plus),
        );
        let mut byte = UPGRADE[..UPGRADE.len() - 2].to_vec();
        byte.extend(b"\xff: a\r\n\r\n");
        refused(stage, &[400], &[byte]);
    }),
    Case::new("x-19", SERVE, |stage| {
        // The client ends its sending side before the answer to its request comes.
        let mut client = stage.raw();
        client.send(&join(&[UPGRADE, &packet(1101, 1, b"half")]));
        client.shutdown_write();
        client.read_upgraded();
        assert_eq!(client.reply().data, b"half");
        assert_eq!(client.next(), Frame::End);
    }),
];
