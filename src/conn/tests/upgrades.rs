//! From the first byte to the 101, or to the refusal.

use super::*;
use crate::conn::Draining;

#[test]
fn a_head_may_come_in_any_pieces_and_frames_follow_it() {
    let mut bytes = UPGRADE.to_vec();
    push_masked_frame(&mut bytes, true, Opcode::Ping, [1; 4], b"");
    for piece in [1, 7, 100, UPGRADE.len() - 1, UPGRADE.len(), UPGRADE.len() + 3, 1000] {
        let mut rig = Rig::new(|_| {});
        assert!(!rig.conn.is_open());
        bytes.chunks(piece).for_each(|piece| rig.feed(piece));
        assert_eq!(rig.seen, [(0, "101".into()), (0, "pong".into())], "pieces of {piece}");
        assert!(rig.conn.is_open() && rig.conn.was_opened());
        assert_eq!(rig.env.state.noted, ["/ from unix"]);
        assert!(rig.conn.take_rearm(), "it has other deadlines now");
    }
}

#[test]
fn a_refused_client_is_answered_and_not_read_from() {
    fn teapot() -> Result<(), Refusal> {
        Err(Refusal::Application(418))
    }
    fn panics() -> Result<(), Refusal> {
        panic!("by the test")
    }
    type Change = fn(&mut Rig);
    let cases: [(&[u8], Change, &str); 5] = [
        (UPGRADE, |rig| rig.env.draining = Draining::Begun, "503"),
        (UPGRADE, |rig| rig.env.state.upgrade = Some(teapot), "418"),
        (UPGRADE, |rig| rig.env.state.upgrade = Some(panics), "500"),
        (b"GET / HTTP/1.1\r\n\r\n", |_| {}, "400"),
        (b"\x16\x03\x01", |_| {}, "400"),
    ];
    for (bytes, change, status) in cases {
        let mut rig = Rig::new(|_| {});
        change(&mut rig);
        rig.feed(bytes);
        rig.feed(UPGRADE);
        assert_eq!(rig.seen, [(0, status.into())]);
        assert!(!rig.conn.was_opened());
        rig.conn.handle_end(rig.now);
        let Some(Cause::Refused(refusal)) = rig.conn.cause() else { panic!("{:?}", rig.conn.cause()) };
        assert_eq!(refusal.status().to_string(), status);
    }
}

#[test]
fn the_application_can_send_and_end_as_soon_as_a_connection_is_open() {
    let mut rig = Rig::new(|_| {});
    rig.env.state.open = Some(|context| context.push(700, b"welcome").unwrap());
    rig.feed(UPGRADE);
    assert_eq!(rig.seen, [(0, "101".into()), (0, "packet 7".into())]);
    let mut rig = Rig::new(|_| {});
    rig.env.state.open = Some(|_| panic!("by the test"));
    rig.feed(UPGRADE);
    assert_eq!(rig.seen, [(0, "101".into()), (0, "close 1011".into())]);
    assert!(rig.conn.was_opened(), "so it is told of the end");
}

#[test]
fn plain_http_where_tls_is_spoken_is_refused_once() {
    let mut rig = Rig::new(|_| {});
    rig.with(|conn, env| conn.handle_not_tls(env));
    rig.with(|conn, env| conn.handle_not_tls(env));
    assert_eq!(rig.seen, [(0, "400".into())]);
    let mut rig = Rig::open(|_| {});
    rig.with(|conn, env| conn.handle_not_tls(env));
    assert!(rig.conn.is_open());
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn a_proxy_header_names_the_client_before_the_request() {
    let cases: [(&[u8], Option<bool>, &str); 3] = [
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", Some(true), "192.0.2.7:5000"),
        (b"PROXY UNKNOWN\r\n", Some(false), "unix"),
        (b"PROXY TCP5 \r\n", None, "unix"),
    ];
    for (header, named, peer) in cases {
        for piece in [1, 1000] {
            let mut rig = Rig::new(|_| {});
            rig.conn = Conn::behind_proxy(rig.conn.record.id, Peer::Local, rig.now);
            let mut bytes = [header, UPGRADE].concat();
            let mut introduced = None;
            for piece in bytes.chunks_mut(piece) {
                let mut used = 0;
                loop {
                    let (progress, now) = rig.with_input(piece, |conn, env, input| {
                        let mut rest = &mut input[used..];
                        (conn.handle_bytes(&mut rest, env), env.input_len - rest.len())
                    });
                    used = now;
                    let Progress::Introduced { named } = progress else { break };
                    assert_eq!(introduced.replace(named), None, "once");
                }
            }
            assert_eq!(introduced, named);
            assert_eq!(rig.conn.record.peer().to_string(), peer);
            let status = if named.is_some() { "101" } else { "400" };
            assert_eq!(rig.seen, [(0, status.into())]);
        }
    }
}

#[test]
fn the_handshake_timeout_covers_the_proxy_header_too() {
    let mut rig = Rig::new(|_| {});
    rig.conn = Conn::behind_proxy(rig.conn.record.id, Peer::Local, rig.now);
    rig.feed(b"PROXY ");
    rig.pass_until(9_999);
    assert_eq!(rig.seen, []);
    rig.with(|conn, env| conn.handle_timeout(env));
    assert_eq!(rig.seen, [], "not due yet");
    rig.pass_until(10_000);
    assert_eq!(rig.seen, [(10_000, "408".to_string())]);
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn only_trusted_proxies_may_name_a_client() {
    let rig = Rig::new(|config| config.proxies.proxy_protocol = vec!["10.0.0.0/8".parse().unwrap()]);
    let peer = |ip: &str| Peer::Ip(ip.parse().unwrap(), 1);
    assert!(rig.env.settings.trusts(peer("10.1.1.1")));
    assert!(!rig.env.settings.trusts(peer("11.1.1.1")) && !rig.env.settings.trusts(Peer::Local));
}

#[test]
fn the_configuration_decides_what_is_served() {
    type Change = fn(&mut Config);
    let cases: [(Change, &str); 3] = [
        (|config| config.upgrade.paths = vec!["/game".into()], "404"),
        (|config| config.upgrade.origins = vec!["https://game.example".into()], "403"),
        (
            |config| {
                config.upgrade.subprotocols = vec!["game".into()];
                config.upgrade.subprotocol_required = true;
            },
            "400",
        ),
    ];
    for (change, status) in cases {
        let mut rig = Rig::new(change);
        rig.feed(UPGRADE);
        assert_eq!(rig.seen, [(0, status.into())]);
    }
}
