//! Log lines about a connection: its packets under debug, and lines about bad input.

use std::cell::RefCell;
use std::sync::Once;

use log::{LevelFilter, Log, Metadata};

use super::*;
use crate::upgrade::Fault;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// Keeps the log lines of each thread separately: tests run in parallel.
struct Keeper;

impl Log for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(format!("{} {}", record.level(), record.args())));
    }

    fn flush(&self) {}
}

/// The log lines of this thread since the last call.
pub(super) fn lines() -> Vec<String> {
    static KEEPER: Once = Once::new();
    KEEPER.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
    LINES.take()
}

#[test]
fn under_debug_the_first_64_bytes_of_each_packet_are_logged() {
    assert_eq!(lines(), [""; 0]);
    let mut rig = Rig::open(|_| {});
    rig.request(ECHO, b"unseen");
    assert_eq!(lines(), [""; 0], "nothing is logged of those who do nothing wrong");
    rig.conn.record.set(crate::record::Flag::LOG, true);
    let id = rig.conn.record.id;
    for (data, shown) in [(vec![], 0), (vec![0xab; 55], 55), (vec![0xab; 56], 55), (vec![0xab; 5000], 55)] {
        rig.request(ECHO, &data);
        let size = data.len() as u16;
        let cut = |whole: usize| if whole > 64 { "…" } else { "" };
        let bytes = "ab".repeat(shown);
        let came = format!(
            "INFO {id} in  {size:04x}00000000000064{bytes}{} ({} bytes)",
            cut(9 + data.len()),
            9 + data.len()
        );
        let logged = lines();
        assert_eq!(logged[0], came);
        assert_eq!(logged.len(), 2, "{logged:?}");
        let whole = crate::packet::framed_len(data.len());
        assert!(logged[1].starts_with(&format!("INFO {id} out 82")), "{logged:?}");
        assert!(logged[1].ends_with(&format!("{} ({whole} bytes)", cut(whole))), "{logged:?}");
        assert_eq!(logged[1].contains('…'), whole > 64);
    }
    rig.call(b"", |_, _, context| {
        let _ = context.reply(b"1");
        context.reply(b"2")
    });
    assert_eq!(lines().len(), 3, "one line for what came, one for each packet that went");
    let push = Push::new(700, b"push");
    rig.with(|conn, env| assert!(conn.admits(&push, 0, env)));
    let pushed = lines();
    assert!(pushed.len() == 1 && pushed[0].contains(" out 820f"), "{pushed:?}");
}

#[test]
fn under_debug_secret_data_is_not_logged() {
    static MODULE: Module<State> = Module::new(
        1,
        "secrets",
        [Route::new(ECHO, "echo", Access::Anyone, |_, _, _| Outcome::Done).secret()],
    );
    static SECRETS: Router<State> = Router::new([&MODULE]);
    lines();
    let mut rig = Rig::open(|_| {});
    rig.env.service = Service::Packets(&SECRETS);
    rig.conn.record.set(crate::record::Flag::LOG, true);
    let header = |size: &str| format!("INFO {} in  {size}00000000000064… (15 bytes)", rig.conn.record.id);
    let expected = [header("0006"), header("0099")];
    rig.request(ECHO, b"secret");
    assert_eq!(lines()[0], expected[0]);
    // Nor if the rest of the header is wrong.
    rig.frame(Opcode::Binary, b"\x00\x99\0\0\0\0\0\x00\x64secret");
    assert_eq!(lines()[0], expected[1]);
}

#[test]
fn under_debug_messages_are_logged() {
    let mut rig = Rig::new(|_| {});
    rig.env.service = Service::Messages(|_, _, _| Outcome::Done);
    rig.feed(UPGRADE);
    lines();
    rig.frame(Opcode::Text, b"quiet");
    assert_eq!(lines(), [""; 0]);
    rig.conn.record.set(crate::record::Flag::LOG, true);
    rig.frame(Opcode::Text, b"loud");
    assert_eq!(lines(), [format!("INFO {} in  6c6f7564 (4 bytes)", rig.conn.record.id)]);
}

#[test]
fn at_most_ten_lines_are_logged_about_bad_input() {
    lines();
    let mut rig = Rig::open(|_| {});
    for _ in 0..11 {
        rig.request(9999, b"");
    }
    let logged = lines();
    let line = format!(
        "INFO bad input id={} peer=unix role_id=0 cmd=9999 reason=\"bad request, ErrorID 1: unknown command\"",
        rig.conn.record.id
    );
    assert_eq!(logged, vec![line; 10]);
}

#[test]
fn each_kind_of_bad_input_has_its_line() {
    let cases: [(&[u8], &str); 6] = [
        (b"GET /a?b HTTP/1.1\r\n\r\n", r#"upgrade refused id={} peer=unix status=400 reason="there must"#),
        (b"\x16\x03", r#"upgrade refused id={} peer=unix status=400 reason="TLS, which"#),
        (
            b"GET /\x1b[31m?q",
            r#"upgrade refused id={} peer=unix status=400 reason="a byte in the request target"#,
        ),
        (
            &[UPGRADE, &[0x82, 0]].concat(),
            r#"bad input id={} peer=unix role_id=0 reason="a frame to a server is not masked"#,
        ),
        (
            &[UPGRADE, &[0x82, 0x80, 0, 0, 0, 0]].concat(),
            r#"bad input id={} peer=unix role_id=0 reason="a message of 0 bytes is no packet"#,
        ),
        (
            &[UPGRADE, &[0x82, 0x8a, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, ECHO as u8, 7]].concat(),
            r#"bad input id={} peer=unix role_id=0 cmd=100 reason="Data does not decode: UnknownStatus"#,
        ),
    ];
    for (bytes, expected) in cases {
        lines();
        let mut rig = Rig::new(|_| {});
        rig.feed(bytes);
        let logged = lines();
        let expected = format!("INFO {}", expected.replace("{}", &rig.conn.record.id.to_string()));
        assert!(logged.len() == 1 && logged[0].starts_with(&expected), "{logged:?}");
    }
}

/// The path is shown whether the head came at once or in pieces, and whether or not the path is the fault.
#[test]
fn of_a_refused_request_only_the_path_is_logged() {
    let head = String::from_utf8(UPGRADE.to_vec()).unwrap();
    let secret =
        head.replace("GET / ", "GET /way?token=secret ").replace("\r\n\r\n", "\r\nCookie: secret\r\n\r\n");
    let with_origin = secret.replace("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n");
    type Change = fn(&mut Config);
    let cases: [(String, Change, &str); 5] = [
        (secret.replace("GET", "PUT"), |_| {}, "status=405"),
        (secret.clone(), |config| config.upgrade.paths = vec!["/other".into()], "status=404"),
        (secret.clone(), |config| config.upgrade.origins = vec!["https://a.example".into()], "status=403"),
        (with_origin, |config| config.upgrade.origins = vec!["https://a.example".into()], "status=403"),
        (secret.replace("Sec-WebSocket-Version: 13", "Bad name: 1"), |_| {}, "status=400"),
    ];
    for (head, change, status) in cases {
        for piece in [1, 7, 1000] {
            lines();
            let mut rig = Rig::new(change);
            head.as_bytes().chunks(piece).for_each(|piece| rig.feed(piece));
            let logged = lines();
            assert!(logged.len() == 1 && logged[0].contains(status), "{logged:?}");
            assert!(logged[0].contains(r#"path="/way""#) && !logged[0].contains("secret"), "{logged:?}");
            let origin = if head.contains("evil") { "https://evil.example" } else { "none" };
            assert_eq!(
                logged[0].contains(&format!("origin=\"{origin}\"")),
                status == "status=403",
                "{logged:?}"
            );
        }
    }
}

#[test]
fn panics_are_logged_as_errors() {
    lines();
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |_, _, _| panic!("by the test"));
    assert_eq!(
        lines(),
        [format!("ERROR panic what=\"handler\" id={} peer=unix role_id=0 cmd={CALL}", rig.conn.record.id)]
    );
}

#[test]
fn packets_above_the_rate_or_the_outbox_are_logged() {
    lines();
    let mut rig = Rig::open(|config| config.limits.max_packets_per_second = Some(1));
    for _ in 0..5 {
        rig.request(ECHO, b"");
    }
    let logged = lines();
    assert!(logged.len() == 1 && logged[0].contains("max-packets-per-second"), "once: {logged:?}");

    let mut rig = Rig::open(|_| {});
    let limit = crate::config::OUTBOX_LIMIT;
    rig.call(b"", |_, _, context| context.reply(&vec![0; 2 * crate::config::OUTBOX_LIMIT]));
    let logged = lines();
    assert!(
        logged.len() == 1 && logged[0].starts_with("WARN a packet is larger than outbox-limit"),
        "{logged:?}"
    );
    let bytes = 2 * limit + 21;
    assert!(logged[0].ends_with(&format!("cmd={CALL} bytes={bytes} outbox_limit={limit}")), "{logged:?}");
    let mut rig = Rig::open(|_| {});
    let push = Push::new(700, &vec![0; 2 * limit]);
    rig.with(|conn, env| assert!(!conn.admits(&push, 0, env)));
    let logged = lines();
    assert!(logged.len() == 1 && logged[0].ends_with(&format!("cmd=700 bytes={bytes} outbox_limit={limit}")));
    assert_eq!(rig.closes(), []);
}

/// The text for the operator about each cause, beyond its name. Add new causes here.
fn told(cause: Cause) -> &'static str {
    match cause {
        Cause::Idle => "(client-check)",
        Cause::NeverLoggedIn => "(account-check)",
        Cause::OutboxFull => "(outbox-limit)",
        Cause::ReadTimedOut => "(read-timeout)",
        Cause::Protocol(crate::frame::Error::TooBig) => "(max-len)",
        Cause::Refused(_) => "upgrade refused with ",
        Cause::Undecodable(offence) => match offence {
            Undecodable::UnknownStatus => "UnknownStatus",
            Undecodable::Zlib => "Zlib",
            Undecodable::TooLong => "TooLong",
            Undecodable::Cipher => "Cipher",
            Undecodable::NoZlib => "NoZlib",
            Undecodable::Message => "Message",
        },
        other => other.reason(),
    }
}

/// The line about the end shows each cause that a Close frame gives to the client, with its code.
#[test]
fn each_cause_has_its_line() {
    let mut rig = Rig::open(|_| {});
    let causes = crate::recording::codes::every_cause();
    assert!(causes.len() > 50);
    for cause in causes {
        lines();
        let now = rig.now;
        crate::connection_log::ended(&rig.conn.record, &mut rig.env.tools.log, now, cause);
        let [line] = &lines()[..] else { panic!("{cause:?} has one line") };
        let code = cause.close_code().map_or(String::new(), |code| format!(" code={code}"));
        assert!(line.contains(&format!("{}\"{code} duration_ms=", cause)), "{line}");
        assert!(line.contains(told(cause)), "{line}");
    }
}

#[test]
fn each_refusal_has_its_line() {
    let malformed = Fault::ALL.map(Refusal::BadRequest);
    let application = [401, 500].map(Refusal::Application);
    for refusal in malformed.into_iter().chain(Refusal::PLAIN).chain(application) {
        for draining in [Draining::No, Draining::Begun] {
            lines();
            let mut rig = Rig::new(|_| {});
            rig.env.draining = draining;
            rig.feed(b"GET /way?secret HTTP/1.1\r\n");
            rig.with(|conn, env| conn.refuse(refusal, env));
            let reason = match refusal {
                Refusal::Forbidden => "(origin)",
                Refusal::NotFound => "(path)",
                Refusal::TooSlow => "(handshake-timeout)",
                Refusal::TooManyConnections => "(max-connections-per-ip)",
                Refusal::Unavailable if draining == Draining::Begun => "the server drains",
                Refusal::Unavailable => "(max-connections)",
                other => other.text(),
            };
            let [line] = &lines()[..] else { panic!("{refusal:?} has one line") };
            let begin = format!(
                "INFO upgrade refused id={} peer=unix status={} ",
                rig.conn.record.id,
                refusal.status()
            );
            assert!(
                line.starts_with(&begin) && line.contains(reason) && line.contains("path=\"/way\""),
                "{line}"
            );
        }
    }
}
