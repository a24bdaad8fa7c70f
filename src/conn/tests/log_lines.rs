//! What the log says of a connection: each packet under debug, and bad input, but not much of it.

use std::cell::RefCell;
use std::sync::Once;

use log::{LevelFilter, Log, Metadata};

use super::*;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// Keeps what a thread logs, for that thread: tests run side by side.
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

/// What this thread has logged since it was last asked.
fn lines() -> Vec<String> {
    static KEEPER: Once = Once::new();
    KEEPER.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
    LINES.take()
}

#[test]
fn under_debug_each_packet_is_shown_to_its_64th_byte() {
    assert_eq!(lines(), [""; 0]);
    let mut rig = Rig::open(|_| {});
    rig.request(ECHO, b"unseen");
    assert_eq!(lines(), [""; 0], "nothing is logged of those who do nothing wrong");
    rig.conn.record.set(crate::record::Watch::LOG, true);
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
fn a_message_is_shown_under_debug_too() {
    let mut rig = Rig::new(|_| {});
    rig.env.service = Service::Messages(|_, _, _| Outcome::Done);
    rig.feed(UPGRADE);
    lines();
    rig.frame(Opcode::Text, b"quiet");
    assert_eq!(lines(), [""; 0]);
    rig.conn.record.set(crate::record::Watch::LOG, true);
    rig.frame(Opcode::Text, b"loud");
    assert_eq!(lines(), [format!("INFO {} in  6c6f7564 (4 bytes)", rig.conn.record.id)]);
}

#[test]
fn bad_input_costs_ten_lines_at_most() {
    lines();
    let mut rig = Rig::open(|_| {});
    for _ in 0..11 {
        rig.request(9999, b"");
    }
    let logged = lines();
    let line = format!("INFO {} unix role 0: bad request 9999: ErrorID 1", rig.conn.record.id);
    assert_eq!(logged, vec![line; 10]);
}

#[test]
fn each_kind_of_bad_input_has_its_line() {
    let refused = b"GET / HTTP/1.1\r\n\r\n";
    let cases: [(&[u8], &str); 4] = [
        (refused, "INFO {} unix role 0: upgrade refused with 400: "),
        (&[UPGRADE, &[0x82, 0]].concat(), "INFO {} unix role 0: a frame to a server is not masked"),
        (
            &[UPGRADE, &[0x82, 0x80, 0, 0, 0, 0]].concat(),
            "INFO {} unix role 0: a message of 0 bytes is no packet",
        ),
        (
            &[UPGRADE, &[0x82, 0x8a, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, ECHO as u8, 7]].concat(),
            "INFO {} unix role 0: Data of 100 does not decode: UnknownStatus",
        ),
    ];
    for (bytes, expected) in cases {
        lines();
        let mut rig = Rig::new(|_| {});
        rig.feed(bytes);
        let logged = lines();
        let expected = expected.replace("{}", &rig.conn.record.id.to_string());
        assert!(logged.len() == 1 && logged[0].starts_with(&expected), "{logged:?}");
    }
}

#[test]
fn panics_are_errors() {
    lines();
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |_, _, _| panic!("by the test"));
    assert_eq!(
        lines(),
        [format!("ERROR {} unix role 0: the handler of {CALL} panicked", rig.conn.record.id)]
    );
}

#[test]
fn lines_that_were_left_out_are_counted_in_the_log() {
    lines();
    let mut complaints = Complaints::new();
    let mut complain = |ms| {
        complaints.line(crate::conn::complaints::Kind::Upgrade, Moment::from_ms(ms), format_args!("line"));
        lines()
    };
    let written = (0..100).map(|_| complain(0).len()).sum::<usize>();
    assert_eq!(written, 20);
    assert_eq!(complain(1000), ["INFO line", "INFO 80 lines like this one were left out before it"]);
    assert_eq!(complain(2000), ["INFO line"]);
}
