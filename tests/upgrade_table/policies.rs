//! Policies: subprotocols, paths and origins; and the application's view of a request.

use sysconn::upgrade::{Fault, Policy, Refusal, check};

use crate::answer;
use crate::cases::Expected::{Accepted, Bad, Refused};
use crate::cases::Part::{Instead, Plus, RequestLine};
use crate::cases::SAMPLE;
use crate::cases::{HOST, KEY, UPGRADE_REQUIRED};
use crate::response;

#[test]
fn targets_and_hosts_are_parsed() {
    let server = "server.example.com";
    for (target, path, query, host) in [
        ("/chat", "/chat", None, server),
        ("/", "/", None, server),
        ("/?", "/", Some(""), server),
        ("/a/b?c=d?e/f", "/a/b", Some("c=d?e/f"), server),
        ("//a.example/b", "//a.example/b", None, server),
        ("/%2e%2E/a:b@c", "/%2e%2E/a:b@c", None, server),
        ("/a?u=http://b.example/", "/a", Some("u=http://b.example/"), server),
        ("http://a.example/chat?x", "/chat", Some("x"), "a.example"),
        ("HTTPS://a.example:443/chat", "/chat", None, "a.example:443"),
        ("ws://a.example", "/", None, "a.example"),
        ("wss://[::1]:9001?x/y", "/", Some("x/y"), "[::1]:9001"),
    ] {
        let line = format!("GET {target} HTTP/1.1");
        let head = RequestLine(line.leak().as_bytes()).bytes();
        let seen = check(&head, &Policy::default(), |request| {
            (request.path().to_owned(), request.query().map(str::to_owned), request.host().to_owned())
        });
        assert_eq!(seen, Ok((path.to_owned(), query.map(str::to_owned), host.to_owned())), "{target}");
    }
    for host in
        ["a", "a_b-c~1.example", "127.0.0.1:65535", "a.example:", "[2001:db8::1]", "[::ffff:1.2.3.4]:1"]
    {
        let head = Instead("Host", format!("Host: {host}").leak().as_bytes()).bytes();
        assert_eq!(
            check(&head, &Policy::default(), |request| request.host().to_owned()),
            Ok(host.to_owned())
        );
    }
}

#[test]
fn the_application_sees_the_headers() {
    let head = Plus(b"Cookie:\t a=1 ; b \t\r\ncOOKIE: \xff\r\nX:\r\nOrigin: https://a.example").bytes();
    let names = check(&head, &Policy::default(), |request| {
        assert_eq!(request.header("cookie"), Some(&b"a=1 ; b"[..]));
        assert_eq!(request.header("x"), Some(&b""[..]));
        assert_eq!(request.header("Y"), None);
        assert_eq!(request.origin(), Some("https://a.example"));
        assert_eq!(request.headers().nth(6), Some(("cOOKIE", &b"\xff"[..])));
        request.headers().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    });
    let upgrade = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];
    assert_eq!(names.unwrap(), [&upgrade[..], &["Cookie", "cOOKIE", "X", "Origin"]].concat());
}

#[test]
fn the_first_supported_subprotocol_is_chosen() {
    let names = ["chat".to_owned(), "b".to_owned()];
    let none: &[&str] = &[];
    let spaces = format!("Sec-WebSocket-Protocol: b{}x", " ".repeat(3000));
    let many = format!("Sec-WebSocket-Protocol: {}b", "a,".repeat(3900));
    let all_of_many = [vec!["a"; 3900], vec!["b"]].concat();
    for (lines, chosen, offered) in [
        ("X: 1", None, none),
        ("Sec-WebSocket-Protocol:", None, none),
        ("Sec-WebSocket-Protocol: chat", Some("chat"), &["chat"]),
        ("Sec-WebSocket-Protocol: x, b ,\tchat", Some("b"), &["x", "b", "chat"]),
        ("Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: chat,b", Some("chat"), &["x", "chat", "b"]),
        ("Sec-WebSocket-Protocol: Chat, chatter, xchat", None, &["Chat", "chatter", "xchat"]),
        ("Sec-WebSocket-Protocol: ,,\"b\",b c,b;q=1,\u{e4},", None, none),
        (&spaces, None, none),
        (&many, Some("b"), &all_of_many),
    ] {
        let head = Plus(lines.to_owned().leak().as_bytes()).bytes();
        for (subprotocols, chosen) in [(&names[..], chosen), (&[], None)] {
            let policy = Policy { subprotocols, ..Policy::default() };
            let (seen, offers) = check(&head, &policy, |request| {
                let offers: Vec<_> = request.offered_subprotocols().map(str::to_owned).collect();
                let line =
                    request.subprotocol().map(|name| format!("\r\nSec-WebSocket-Protocol: {name}\r\n"));
                assert_eq!(response(request).contains("Protocol: "), line.is_some());
                assert!(line.is_none_or(|line| response(request).contains(&line)));
                (request.subprotocol().map(str::to_owned), offers)
            })
            .unwrap();
            assert_eq!(seen.as_deref(), chosen, "{lines:.80}");
            assert_eq!(offers, offered, "{lines:.80}");
        }
        let strict = Policy { subprotocols: &names, subprotocol_required: true, ..Policy::default() };
        let verdict = check(&head, &strict, |request| request.subprotocol().map(str::to_owned));
        let expected = chosen.map(|name| Some(name.to_owned()));
        assert_eq!(verdict, expected.ok_or(Refusal::BadRequest(Fault::Subprotocol)), "{lines:.80}");
    }
}

#[test]
fn only_listed_paths_and_origins_are_served() {
    let (paths, origins) = (
        ["/chat", "/ws/*"].map(str::to_owned),
        ["https://a.example:443", "null", "https://*.b.example"].map(str::to_owned),
    );
    let policy = Policy { paths: &paths, origins: &origins, ..Policy::default() };
    let (not_found, forbidden) = (Refused(Refusal::NotFound), Refused(Refusal::Forbidden));
    for (line, without, origin, expected) in [
        ("GET /chat HTTP/1.1", "", "https://a.example", Accepted),
        ("GET /chat?x=/other HTTP/1.1", "", "null", Accepted),
        ("GET http://b.example/chat HTTP/1.1", "", "HTTPS://A.example", Accepted),
        ("GET /ws/room1 HTTP/1.1", "", "https://play.b.example:443", Accepted),
        ("GET /ws HTTP/1.1", "", "null", not_found),
        ("GET /chat HTTP/1.1", "", "https://b.example", forbidden),
        ("GET /Chat HTTP/1.1", "", "null", not_found),
        ("GET /chat/ HTTP/1.1", "", "null", not_found),
        ("GET / HTTP/1.1", "", "null", not_found),
        ("GET /%63hat HTTP/1.1", "", "null", not_found),
        ("GET http://b.example HTTP/1.1", "", "null", not_found),
        ("GET /chat HTTP/1.1", "", "https://a.example.net", forbidden),
        ("GET /chat HTTP/1.1", "", "http://a.example", forbidden),
        ("GET /chat HTTP/1.1", "", "https://a.example null", forbidden),
        ("GET /chat HTTP/1.1", "", "", forbidden),
        ("GET /chat HTTP/1.1", "Origin", "", forbidden),
        // When several rules are broken.
        ("POST / HTTP/1.1", "Host", "", HOST),
        ("POST / HTTP/1.1", "Upgrade", "", Refused(Refusal::MethodNotAllowed)),
        ("GET / HTTP/1.1", "Upgrade", "", not_found),
        ("GET / HTTP/1.1", "Sec-WebSocket-Key", "", not_found),
        ("GET /chat HTTP/1.1", "Sec-WebSocket-Version", "", UPGRADE_REQUIRED),
        ("GET /chat HTTP/1.1", "Sec-WebSocket-Key", "", KEY),
    ] {
        let origin = format!("Origin: {origin}");
        let mut lines = SAMPLE.to_vec();
        lines.push(origin.as_bytes());
        lines[0] = line.as_bytes();
        lines.retain(|line| without.is_empty() || !line.starts_with(format!("{without}:").as_bytes()));
        let head = [lines.join(&b"\r\n"[..]), b"\r\n\r\n".to_vec()].concat();
        let expected = match expected {
            Accepted => Ok(()),
            Bad(fault) => Err(Refusal::BadRequest(fault)),
            Refused(refusal) => Err(refusal),
        };
        assert_eq!(answer(&head, &policy).map(|_| ()), expected, "{}", head.escape_ascii());
    }
}
