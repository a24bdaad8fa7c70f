//! The upgrade over real sockets: every possible answer is delivered before the server closes, and other
//! clients are still served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::{
    Client, Reply, SHORT, Server, UPGRADE, config, eventually, join, packet, still_serves, upgrade_of, with,
};

/// The upgrade request with a part of it replaced.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    let request = std::str::from_utf8(UPGRADE).unwrap();
    assert!(request.contains(from));
    request.replace(from, to).into_bytes()
}

/// Sends a request that is to be refused at once, and checks the form of the refusal.
fn refused(server: &Server, name: &str, request: &[u8]) -> (u16, String) {
    let mut client = Client::raw(server.address);
    // The refusal can come before all is sent; the server ignores later input.
    let _ = client.stream.write_all(request);
    check_refusal(client, name)
}

fn check_refusal(mut client: Client, name: &str) -> (u16, String) {
    let (status, head, body) = client.read_refusal();
    let length = format!("\r\nContent-Length: {}\r\n", body.len());
    assert!(head.contains("\r\nConnection: close"), "{name}: {head}");
    assert!(head.contains(&length), "{name}: {head}");
    assert_eq!(body.find('\n'), Some(body.len() - 1), "{name}: {body:?}");
    (status, head)
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn each_refusal_has_its_status() {
    let config = with(config(), |config| {
        config.upgrade.paths = vec!["/chat".into(), "/refused".into()];
        config.upgrade.origins = vec!["https://game.example".into()];
    });
    let server = Server::packets(&config);
    let origin = "Origin: https://game.example\r\n";
    let good = upgrade_of("/chat", origin);
    let good = std::str::from_utf8(&good).unwrap();
    let plus = |lines: &str| upgrade_of("/chat", &format!("{origin}{lines}"));
    let instead = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replace(from, to).into_bytes()
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a body", plus("Content-Length: 5\r\n"), 400),
        ("a body that is there", join(&[&plus("Content-Length: 5\r\n"), b"bytes"]), 400),
        ("a chunked body", plus("Transfer-Encoding: chunked\r\n"), 400),
        ("a chunked body that is there", join(&[&plus("Transfer-Encoding: chunked\r\n"), b"0\r\n\r\n"]), 400),
        ("a body of two lengths", plus("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400),
        ("HTTP/1.0", instead("HTTP/1.1", "HTTP/1.0"), 400),
        ("no key", instead(key, ""), 400),
        ("a short key", instead("dGhlIHNhbXBsZSBub25jZQ==", "AAAA"), 400),
        ("a key that is not base64", instead("dGhlIHNhbXBsZSBub25jZQ==", "!!!!!!!!!!!!!!!!!!!!!!=="), 400),
        ("two keys", plus(key), 400),
        ("two keys that differ", plus("sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), 400),
        ("no Host", instead("Host: localhost\r\n", ""), 400),
        ("two Hosts", plus("Host: localhost\r\n"), 400),
        ("two Hosts that differ", plus("host: evil.example\r\n"), 400),
        ("a folded line", plus("X: a\r\n b\r\n"), 400),
        ("a bare CR", plus("X: a\rTransfer-Encoding: chunked\r\n"), 400),
        ("a bare LF", instead("\r\nUpgrade", "\nUpgrade"), 400),
        ("a NUL", plus("X: \0\r\n"), 400),
        ("a space before the colon", plus("X : a\r\n"), 400),
        ("an empty name", plus(": a\r\n"), 400),
        ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
        ("TLS", hello, 400),
        ("only NUL", vec![0; 3], 400),
        ("no origin", UPGRADE.to_vec(), 403),
        ("another origin", upgrade_of("/chat", "Origin: https://evil.example\r\n"), 403),
        ("another path", upgrade_of("/other", origin), 404),
        ("POST", instead("GET", "POST"), 405),
        ("no Upgrade", instead("Upgrade: websocket\r\n", ""), 426),
        ("another Upgrade", instead("websocket\r\n", "h2c\r\n"), 426),
        ("no Connection", instead("Connection: Upgrade\r\n", ""), 426),
        ("another Connection", instead("Connection: Upgrade", "Connection: xUpgrade"), 426),
        ("no version", instead(version, ""), 426),
        ("version 12", instead(version, "Sec-WebSocket-Version: 12\r\n"), 426),
        ("version 8", instead(version, "Sec-WebSocket-Version: 8\r\n"), 426),
        ("5000 lines", plus(&"X: a\r\n".repeat(5000)), 431),
        ("a target of 64 KiB", upgrade_of(&format!("/{}", "a".repeat(65_536)), origin), 431),
        ("8 MiB without an end", join(&[b"GET / HTTP/1.1\r\nX: ", &vec![b'a'; 8 << 20]]), 431),
        ("refused by the application", upgrade_of("/refused", origin), 451),
    ];
    let still = |name: &str| {
        let mut client = Client::raw(server.address);
        client.upgrade(good.as_bytes());
        client.echo(name.as_bytes());
        client.close();
    };
    for (name, request, expected) in cases {
        let (status, head) = refused(&server, name, &request);
        assert_eq!(status, expected, "{name}: {head}");
        let names_version = head.contains("\r\nSec-WebSocket-Version: 13\r\n");
        assert_eq!(names_version, status == 426, "{name}: {head}");
        still(name);
    }
    // None of them waits for more bytes, nor for a deadline: one byte less and the verdict is the same.
    let (status, _) = refused(&server, "TLS, one byte", b"\x16");
    assert_eq!(status, 400);
}

#[test]
fn a_request_that_is_not_complete_in_time_gets_408() {
    let server = Server::packets(&with(config(), |config| config.timers.handshake = Some(SHORT)));
    let mut slow = vec![];
    for len in [0, 1, 60, UPGRADE.len() - 1] {
        let mut client = Client::raw(server.address);
        client.send(&UPGRADE[..len]);
        slow.push((len, client));
    }
    for (len, client) in slow {
        let (status, _) = check_refusal(client, &format!("{len} bytes"));
        assert_eq!(status, 408, "{len} bytes");
    }
    still_serves(server.address);
}

#[test]
fn too_many_clients_get_429_or_503_until_one_leaves() {
    for (config, expected) in [
        (with(config(), |config| config.limits.max_connections_per_ip = Some(2)), 429),
        (with(config(), |config| config.limits.max_connections = Some(2)), 503),
    ] {
        let server = Server::packets(&config);
        let mut inside = [Client::connect(server.address), Client::connect(server.address)];
        for asks in [true, false] {
            let mut client = Client::raw(server.address);
            // The connection is refused before its request comes.
            if asks {
                let _ = client.stream.write_all(UPGRADE);
            }
            let (status, _) = check_refusal(client, "no room");
            assert_eq!(status, expected);
        }
        for client in &mut inside {
            client.echo(b"inside");
        }
        let [first, mut second] = inside;
        server.cause_of(first);
        still_serves(server.address);
        second.close();
    }
}

#[test]
fn while_draining_upgrades_get_503_and_clients_what_is_queued() {
    // At this pace the first client is told after a second, so there is time to see the rest.
    let server = Server::packets(&with(config(), |config| config.drain.rate = Some(1)));
    let mut client = Client::connect(server.address);
    let mut upgrading = Client::raw(server.address);
    upgrading.send(&UPGRADE[..UPGRADE.len() - 1]);
    // It may still be in the backlog, where draining would not find it.
    let mut later = Client::connect(server.address);
    later.echo(b"accepted");
    client.send_packet(1105, 1, b"");
    let ticket = server.ticket();
    server.handle.drain();
    eventually("new clients are turned away", || TcpStream::connect(server.address).is_err());
    let _ = upgrading.stream.write_all(&UPGRADE[UPGRADE.len() - 1..]);
    let (status, _) = check_refusal(upgrading, "draining");
    assert_eq!(status, 503);
    ticket.reply(*b"queued");
    assert_eq!(client.reply(), Reply::new(1105, 1, b"queued"));
    for mut client in [client, later] {
        client.expect_close(1001, "draining");
    }
}

#[test]
fn a_request_may_come_in_any_pieces() {
    let server = Server::packets(&config());
    let mut client = Client::raw(server.address);
    client.dribble(UPGRADE);
    client.read_upgraded();
    client.echo(b"byte by byte");
    for missing in 1..=3 {
        let mut client = Client::raw(server.address);
        let (most, rest) = UPGRADE.split_at(UPGRADE.len() - missing);
        client.send(most);
        // Another client is served in between.
        still_serves(server.address);
        client.send(rest);
        client.read_upgraded();
        client.echo(b"in two");
    }
}

#[test]
fn frames_may_come_with_the_request() {
    let server = Server::packets(&config());
    let [first, second] = [packet(1101, 1, b"first"), packet(1101, 2, b"second")];
    for cut in 0..=first.len() + second.len() {
        let frames = join(&[&first, &second]);
        let mut client = Client::raw(server.address);
        client.send(&join(&[UPGRADE, &frames[..cut]]));
        client.read_upgraded();
        client.send(&frames[cut..]);
        assert_eq!(client.reply(), Reply::new(1101, 1, b"first"), "cut at {cut}");
        assert_eq!(client.reply(), Reply::new(1101, 2, b"second"), "cut at {cut}");
    }
    still_serves(server.address);
}

#[test]
fn a_required_subprotocol_is_one_of_the_list() {
    let server = Server::packets(&with(config(), |config| {
        config.upgrade.subprotocols = vec!["b".into(), "c".into()];
        config.upgrade.subprotocol_required = true;
    }));
    for (name, lines) in [
        ("none", ""),
        ("another", "Sec-WebSocket-Protocol: a, B\r\n"),
        ("empty", "Sec-WebSocket-Protocol:\r\n"),
    ] {
        assert_eq!(refused(&server, name, &upgrade_of("/", lines)).0, 400, "{name}");
    }
    let mut client = Client::raw(server.address);
    client.send(&upgrade_of("/", "Sec-WebSocket-Protocol: a, c\r\n"));
    assert!(client.read_head().contains("\r\nSec-WebSocket-Protocol: c\r\n"));
    client.echo(b"spoken");
    client.close();
}

#[test]
fn valid_variants_are_accepted() {
    let server =
        Server::packets(&with(config(), |config| config.upgrade.subprotocols = vec!["b".into(), "c".into()]));
    let spaces = format!("Sec-WebSocket-Protocol: b{}x\r\n", " ".repeat(3000));
    let offers = ["permessage-deflate; server_max_window_bits=99"; 60].join(", ");
    for (name, request, subprotocol) in [
        ("an empty line before it", join(&[b"\r\n", UPGRADE]), None),
        ("odd case", replaced("Upgrade: websocket", "uPGRADE: WebSocket"), None),
        ("a list", replaced("Connection: Upgrade", "Connection: keep-alive ,\tuPgRaDe"), None),
        ("two lines", upgrade_of("/", "Connection: keep-alive\r\n"), None),
        (
            "two lines, the other first",
            replaced("Connection: ", "connection: keep-alive\r\nCONNECTION: "),
            None,
        ),
        ("white space", replaced("Upgrade: websocket", "Upgrade:websocket \t"), None),
        ("an absolute target", replaced("/chat", "http://localhost/chat"), None),
        ("subprotocols", upgrade_of("/", "Sec-WebSocket-Protocol: a, c, b\r\n"), Some("c")),
        ("no common subprotocol", upgrade_of("/", "Sec-WebSocket-Protocol: a\r\n"), None),
        ("spaces", upgrade_of("/", &spaces), None),
        ("extensions", upgrade_of("/", &format!("Sec-WebSocket-Extensions: {offers}\r\n")), None),
        ("expectation", upgrade_of("/", "Expect: 100-continue\r\n"), None),
    ] {
        let mut client = Client::raw(server.address);
        client.send(&request);
        let head = client.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{name}: {head}");
        assert!(!head.contains("Sec-WebSocket-Extensions"), "{name}: {head}");
        let chosen = head.split("Sec-WebSocket-Protocol: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        assert_eq!(chosen, subprotocol, "{name}");
        client.echo(name.as_bytes());
        client.close();
    }
}
