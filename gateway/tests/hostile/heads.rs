//! Tricks with request heads: ambiguous syntax, lengths at the limits, and bytes that must not come back in
//! an answer.

use std::io::Write as _;

use crate::common::{UPGRADE, frame, join, upgrade_of};
use crate::handshake::{plus, refused, with};
use crate::stage::{Case, SERVE, Setup, play};
use sysconn::config::{MAX_HEAD_BYTES, MAX_HEAD_LINES};
use sysconn::frame::Opcode;

#[test]
fn heads() {
    play(CASES);
}

pub(crate) const CASES: &[Case] = &[
    Case::new("x-01", SERVE, |stage| {
        // Only frames follow the 101: a second request is a violation.
        stage.closes("pipelined", UPGRADE, 1002);
        let mut client = stage.raw();
        client.send(&join(&[UPGRADE, UPGRADE]));
        client.read_upgraded();
        client.expect_close(1002, "at once");
    }),
    Case::new("x-02", SERVE, |stage| {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let keys = [
            "dGhlIHNhbXBs ZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQ==,",
            "\"dGhlIHNhbXBsZSBub25jZQ==\"",
            "-_hlIHNhbXBsZSBub25jZQ==",
            "dGhl\tIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
        ];
        refused(stage, &[400], &keys.map(|to| with(key, to)));
    }),
    Case::new("x-03", Setup::Serve(&["--deflate", "dedicated"]), |stage| {
        // Offers over as many lines as there may be.
        let lines = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n"
            .repeat(MAX_HEAD_LINES - 5);
        let head = stage.accepts("59 lines", &plus(&lines));
        assert_eq!(head.matches("Sec-WebSocket-Extensions").count(), 1, "{head}");
        assert_eq!(head.matches("permessage-deflate").count(), 1, "{head}");
        let split = "Sec-WebSocket-Extensions: permessage-deflate;\r\nSec-WebSocket-Extensions: server_max_window_bits=10\r\n";
        let head = stage.accepts("one offer over two lines", &plus(split));
        assert!(!head.contains("window_bits"), "{head}");
    }),
    Case::new("x-04", SERVE, |stage| {
        let lengths = [
            "Content-Length: 5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: +0\r\n",
            "Content-Length: 00\r\n",
            "Content-Length: 0, 0\r\n",
            "Content-Length: 0\r\nContent-Length: 0\r\n",
            "Content-Length: 0x0\r\n",
            "Content-Length: 0\r\nContent-Length: 5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\r\n",
            "Transfer-Encoding\x0b: chunked\r\n",
            "transfer-encoding: \tchunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        ];
        refused(stage, &[400], &lengths.map(plus));
        stage.accepts("no body", &plus("Content-Length: 0\r\n"));
    }),
    Case::new("x-05", SERVE, |stage| {
        let hosts = [
            "",
            "a b",
            "user@localhost",
            "localhost,evil.example",
            "localhost/",
            "localhost:port",
            "localhost:+80",
            "[::1",
            "::1",
            "localhost:65536",
            "%6cocalhost",
            "[fe80::1%25eth0]",
            "loc\u{e4}lhost",
            "localhost\\evil.example",
            "localhost?x",
        ];
        refused(stage, &[400], &hosts.map(|host| with("Host: localhost", &format!("Host: {host}"))));
    }),
    Case::new("x-06", SERVE, |stage| {
        let targets = [
            "*",
            "localhost:443",
            "ftp://localhost/",
            "http://",
            "http://a@localhost/",
            "//localhost/chat#fragment",
            "/chat#x",
            "chat",
            "http://localhost,evil/",
            "file:///etc/passwd",
            "/\u{e9}",
            "http:/localhost",
        ];
        refused(stage, &[400], &targets.map(|target| with("/chat", target)));
    }),
    Case::new("x-07", Setup::Serve(&["--path", "/chat"]), |stage| {
        let paths = [
            "/",
            "/chat/",
            "/Chat",
            "//chat",
            "/./chat",
            "/x/../chat",
            "/%63hat",
            "/chat%00",
            "/chat;x",
            "http://localhost",
        ];
        refused(stage, &[404], &paths.map(|path| with("/chat", path)));
        stage.accepts("a query", &with("/chat", "/chat?../../x=%0d%0a"));
    }),
    Case::new("x-08", SERVE, |stage| {
        let methods =
            ["get", "Get", "CONNECT", "OPTIONS", "TRACE", "DELETE", "GETGET", "X-GET", "!#$%&'*+-.^_`|~"];
        refused(stage, &[405], &methods.map(|method| with("GET", method)));
        refused(stage, &[400], &["G(T", "G\u{cb}T", "GE:T", "{GET}"].map(|method| with("GET", method)));
    }),
    Case::new("x-09", SERVE, |stage| {
        // Header names that some servers confuse with others.
        refused(stage, &[400], &[with("Sec-WebSocket-Key", "Sec_WebSocket_Key"), with("Host:", "Host\0:")]);
        refused(
            stage,
            &[426],
            &[with("Upgrade: w", "Upgrad\u{65}-: w"), with("Connection:", "Proxy-Connection:")],
        );
        refused(
            stage,
            &[400],
            &["Host\u{212a}: x\r\n", "\"X\": a\r\n", "X/Y: a\r\n", "X,Y: a\r\n"].map(plus),
        );
    }),
    Case::new("x-10", SERVE, |stage| {
        // The maximum length, and one byte or line more.
        let filled = |len: usize| plus(&format!("X: {}\r\n", "a".repeat(len - UPGRADE.len() - 5)));
        assert_eq!(filled(MAX_HEAD_BYTES).len(), MAX_HEAD_BYTES);
        stage.accepts("8192 bytes", &filled(MAX_HEAD_BYTES));
        refused(stage, &[431], &[filled(MAX_HEAD_BYTES + 1)]);
        let lines = |count: usize| plus(&"X: a\r\n".repeat(count - 5));
        stage.accepts("64 lines", &lines(MAX_HEAD_LINES));
        refused(stage, &[431], &[lines(MAX_HEAD_LINES + 1)]);
    }),
    Case::new("x-11", Setup::Serve(&["--path", "/chat", "--subprotocol", "b"]), |stage| {
        // Answers contain no client input, so a client cannot inject header lines.
        for (statuses, request) in [
            (&[400][..], plus("X-Canary: a\0\r\n")),
            (&[404], upgrade_of("/canary%0d%0aX:y", "")),
            (&[405], with("GET", "CANARY")),
            (&[426], with("Upgrade: websocket", "Upgrade: canary")),
        ] {
            let answer = stage.refuses("a canary", &request, statuses).to_ascii_lowercase();
            assert!(!answer.contains("canary"), "{answer}");
        }
        let head = stage.accepts("a canary", &plus("Sec-WebSocket-Protocol: canary, B\r\nX-Canary: b\r\n"));
        assert!(!head.to_ascii_lowercase().contains("canary"), "{head}");
        assert!(!head.contains("Sec-WebSocket-Protocol"), "{head}");
    }),
    Case::new("x-12", SERVE, |stage| {
        // The shortest header lines, one byte at a time: refused at the first line too many.
        let mut client = stage.raw();
        let request = join(&[b"GET / HTTP/1.1\r\n", b"a:\r\n".repeat(80).as_slice()]);
        for byte in request {
            if client.stream.write_all(&[byte]).is_err() {
                break;
            }
        }
        assert_eq!(client.read_refusal().0, 431);
    }),
    Case::new("x-13", SERVE, |stage| {
        // A client that goes on sending after its refusal still reads it.
        let mut client = stage.raw();
        client.send(b"NO ");
        let _ = client.stream.write_all(b"\0");
        for _ in 0..100 {
            let _ = client.stream.write_all(&frame(Opcode::Binary, &[0; 1000]));
        }
        assert_eq!(client.read_refusal().0, 400);
    }),
];
