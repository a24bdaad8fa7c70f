//! An application accepts or refuses an upgrade by each part of the request, and keeps what it has found.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, config, upgrade_of, with};
use sysconn::upgrade::{self, Refusal};
use sysconn::{Application, Context, Message, MessageKind, Outcome, Peer, Reactor, Service};

/// Lets in whoever shows a pass, in any part of the request.
struct Gate;

impl Application for Gate {
    /// Where the pass was.
    type Session = &'static str;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, peer: Peer) -> Result<&'static str, Refusal> {
        let shown = [
            ("path", request.path() == "/pass"),
            ("query", request.query().is_some_and(|query| query.split('&').any(|part| part == "pass=1"))),
            ("host", request.host() == "pass.example:8080"),
            ("origin", request.origin() == Some("https://pass.example")),
            ("header", request.header("x-pass") == Some(b"1")),
            ("cookie", request.cookie("pass") == Some("a b")),
            ("subprotocol", request.subprotocol() == Some("pass")),
            ("peer", peer.ip().is_some_and(|ip| ip.to_string() == "192.0.2.7")),
            ("server name", request.server_name().is_some()),
        ];
        let place = shown.into_iter().find_map(|(place, is_shown)| is_shown.then_some(place));
        place.ok_or(Refusal::Application(401))
    }

    fn opened(&mut self, context: &mut Context<'_, &'static str>) {
        let place = *context.session();
        context.send_message(MessageKind::Text, place.as_bytes()).unwrap();
    }
}

fn ignore(_: &mut Gate, _: Message<'_>, _: &mut Context<'_, &'static str>) -> Outcome {
    Outcome::Done
}

#[test]
fn each_part_of_a_request_can_decide() {
    let config = with(config(), |config| {
        config.upgrade.subprotocols = vec!["other".into(), "pass".into()];
        config.proxies.forwarded_for = vec!["127.0.0.1".parse().unwrap()];
    });
    let mut reactor = Reactor::bind(&config, Service::Messages(ignore), Gate).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let thread = std::thread::spawn(move || reactor.run());
    for (path, lines, expected) in [
        ("/", "", None),
        ("/pass", "", Some("path")),
        ("/pas%73", "", None),
        ("/?a=b&pass=1", "", Some("query")),
        ("/?pass=0", "", None),
        ("http://pass.example:8080/", "", Some("host")),
        ("/", "Origin: https://pass.example\r\n", Some("origin")),
        ("/", "X-PASS:  1 \r\n", Some("header")),
        ("/", "X-Pass: 2\r\nX-Pass: 1\r\n", None),
        ("/", "Cookie: a=1; pass=\"a b\"\r\n", Some("cookie")),
        ("/", "Cookie: a=1\r\ncookie: pass=a b\r\n", Some("cookie")),
        ("/", "Cookie: pass=other\r\nCookie: pass=a b\r\n", None),
        ("/", "Cookie: PASS=a b; passes=a b\r\n", None),
        ("/", "Set-Cookie: pass=a b\r\n", None),
        ("/", "Sec-WebSocket-Protocol: unknown, pass\r\n", Some("subprotocol")),
        ("/", "Sec-WebSocket-Protocol: other, pass\r\n", None),
        ("/", "X-Forwarded-For: 192.0.2.7\r\n", Some("peer")),
        ("/", "X-Forwarded-For: 192.0.2.8\r\n", None),
    ] {
        let mut client = Client::raw(address);
        let request = upgrade_of(path, lines);
        if let Some(place) = expected {
            client.upgrade(&request);
            assert_eq!(client.next(), Frame::Text(place.into()), "{path} {lines}");
            client.close();
        } else {
            client.send(&request);
            assert_eq!(client.read_refusal().0, 401, "{path} {lines}");
        }
    }
    handle.drain();
    thread.join().unwrap().unwrap();
}
