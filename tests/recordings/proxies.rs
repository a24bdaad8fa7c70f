//! Requests whose answers depend on the recorded server's settings: trusted proxies and the health path.

use sysconn::replay::End;

use crate::common::*;
use crate::recorded::{Directory, check, record, replay, shown};

#[test]
fn forwarding_headers_are_replayed_and_not_in_the_file() {
    for (lines, status, note) in [
        ("X-Forwarded-For: 198.51.100.99, 192.0.2.7\r\n", 101, "the headers name 192.0.2.7:0"),
        ("X-Forwarded-For: 198.51.100.99, unknown\r\n", 101, "the headers name nobody"),
        ("X-Forwarded-For: 198.51.100.99 nonsense\r\n", 400, "the headers of a proxy are refused: "),
        ("Forwarded: for=198.51.100.99\r\nX-Forwarded-For: 192.0.2.7\r\n", 400, "the headers of a proxy are"),
    ] {
        for whole in [true, false] {
            let file = record(
                |config| config.proxies.forwarded_for = vec!["127.0.0.1".parse().unwrap()],
                |server| {
                    let mut client = Client::raw(server.address);
                    let bytes = join(&[&upgrade_of("/chat", lines), &packet(1101, 7, b"at once")]);
                    if whole {
                        client.send(&bytes);
                    } else {
                        client.dribble(&bytes);
                    }
                    if status == 101 {
                        client.read_upgraded();
                        assert_eq!(client.reply().data, b"at once");
                        client.close();
                    } else {
                        assert_eq!(client.read_refusal().0, status);
                    }
                },
            );
            let text = shown(&file);
            assert!(text.contains(note), "{text}");
            assert!(!file.windows(9).any(|window| window == b"51.100.99"), "{text}");
            assert_eq!(check(&file, lines).packets, u64::from(status == 101));
        }
    }
}

#[test]
fn a_client_without_forwarding_headers_is_replayed() {
    for proxies in [&["127.0.0.1"][..], &["192.0.2.1"]] {
        let file = record(
            |config| {
                config.proxies.forwarded_for = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect()
            },
            |server| {
                let mut client = Client::connect(server.address);
                client.echo(b"hello");
                client.close();
            },
        );
        check(&file, "no headers");
    }
}

#[test]
fn health_checks_are_replayed() {
    let heads = [
        ("GET /health HTTP/1.0\r\n\r\n", 200),
        ("HEAD /health?token=s3cret HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ("GET /health HTTP/1.1\r\nHost: h\r\n\r\nand more", 200),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("HEAD /health HTTP/1.1\r\n\r\n", 400),
        ("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        ("HEAD / HTTP/1.0\r\n\r\n", 400),
        ("HEAD / HTTP/2.0\r\n\r\n", 400),
    ];
    for (head, status) in heads {
        for whole in [true, false] {
            let file = record(
                |config| config.upgrade.health_path = Some("/health".into()),
                |server| {
                    let mut client = Client::raw(server.address);
                    if whole {
                        client.send(head.as_bytes());
                    } else {
                        client.dribble(head.as_bytes());
                    }
                    assert_eq!(client.read_refusal().0, status);
                },
            );
            let text = shown(&file);
            assert_eq!(text.contains("a health check, which succeeds"), status == 200, "{text}");
            check(&file, head);
        }
    }
}

#[test]
fn a_client_that_is_read_and_then_refused_is_replayed() {
    let heads = [
        ("GET /health HTTP/1.0\r\n\r\n", 200),
        ("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 429),
        ("HEAD / HTTP/2.0\r\n\r\n", 429),
        ("\r\nHEAD /h", 429),
    ];
    for (head, status) in heads {
        let directory = Directory::new();
        let mut config = directory.config();
        config.upgrade.health_path = Some("/health".into());
        config.proxies.proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
        config.limits.max_connections_per_ip = Some(1);
        config.timers.handshake = Some(SHORT);
        let server = Server::packets(&config);
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n";
        let mut inside = Client::raw(server.address);
        inside.upgrade(&join(&[header, UPGRADE]));
        let mut client = Client::raw(server.address);
        client.send(&join(&[header, head.as_bytes()]));
        assert_eq!(client.read_refusal().0, status);
        inside.close();
        drop((client, inside, server));
        let files = directory.files();
        assert_eq!(files.len(), 2);
        for file in &files {
            let replay = replay(file);
            assert_eq!((replay.difference.as_ref(), replay.end), (None, End::Closed), "{}", shown(file));
        }
        assert!(files.iter().any(|file| shown(file).contains("only a health check is not refused")));
    }
}
