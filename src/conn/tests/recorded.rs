//! The notes in a connection's recording, one by one.

mod secrets;

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::config::Overflow;
use crate::recording::ReplaySource;
use crate::recording::file::{Begin, Deadlines, File, Head, Opened, Owed};
use crate::recording::frame::digest;
use crate::recording::note::Note;
use crate::recording::{Recorder, Store, Target};

const SECRET: u16 = 150;
const SECRET_LATER: u16 = 151;

static WITH_SECRETS: Module<State> = Module::new(
    1,
    "secrets",
    [
        Route::new(ECHO, "echo", Access::Anyone, echo),
        Route::new(LOGIN, "login", Access::Anyone, login).secret(),
        Route::new(WATCH, "watch", Access::Operator, echo),
        Route::new(SECRET, "secret", Access::Role, echo).secret(),
        Route::new(SECRET_LATER, "later", Access::Anyone, defer).secret(),
    ],
);
static SECRETS: Router<State> = Router::new([&WITH_SECRETS]);

/// Collects the notes of everything that happens from now on.
fn record(rig: &mut Rig) -> ReplaySource {
    let script = ReplaySource::default();
    let head = Head { messages: matches!(rig.env.service, Service::Messages(_)), ..Head::default() };
    rig.conn.record_with(Recorder::new(Target::Replay(script.clone()), head, usize::MAX), rig.now);
    script
}

/// Records the given actions on a connection, and lists the notes.
fn notes_of(mut rig: Rig, acts: &[fn(&mut Rig)]) -> String {
    let script = record(&mut rig);
    acts.iter().for_each(|act| act(&mut rig));
    script.take_noted().iter().map(|note| format!("{}\n", shown(note))).collect()
}

/// Formats a note without fields that are absent, false or 0. Input is shown as its length; the hashes of
/// `data` and of nothing have names.
fn shown(note: &Note) -> String {
    let text = match note {
        Note::Input { bytes, .. } | Note::Direct { bytes } => {
            let list = format!("{:?}", bytes);
            format!("{note:?}").replace(&list, &bytes.0.len().to_string())
        }
        _ => format!("{note:?}"),
    };
    let text = [(&b"data"[..], "of-data"), (b"", "of-nothing")]
        .iter()
        .fold(text, |text, (data, name)| text.replace(&digest(data).to_string(), name))
        .replace("Outcome { outcome: ", "")
        .replace("PacketHead ", "");
    let mut shown = String::new();
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let is_nothing = words.next_if(|value| {
            word.ends_with(':') && ["0", "false", "None", "No", "[]"].contains(&value.trim_end_matches(','))
        });
        let word = word.replace(['{', '}', '(', ')', ','], " ").replace("Some ", "");
        if is_nothing.is_none() && !word.trim().is_empty() {
            shown += word.trim();
            shown.push(' ');
        }
    }
    shown.trim_end().to_owned()
}

/// The head of a recording that starts now, if it starts.
fn begin_of(conn: &mut Conn, now: Moment) -> Option<Begin> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("sysconn-begin-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let store = Store::open(&directory).unwrap();
    let target = Target::File(store.sink("begin"));
    conn.record_with(Recorder::new(target, Head::default(), 1 << 20), now);
    assert_eq!(conn.record.is_watched(), !matches!(conn.phase, Phase::Closing(_) | Phase::Closed(_)));
    conn.stop_recording();
    drop(store);
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    let begin = files.first().map(|path| File::read(&std::fs::read(path).unwrap()).unwrap().head.begin);
    std::fs::remove_dir_all(directory).unwrap();
    begin
}

#[test]
fn a_recording_begins_with_the_state_of_the_connection() {
    let (id, now) = (ConnectionId::new(0, 1, 1), Moment::from_ms(7));
    for (conn, proxied) in [(Conn::new as fn(_, _, _) -> Conn, false), (Conn::behind_proxy, true)] {
        let expected = Begin { now_ms: 7, connected_ms: 7, proxied, open: None };
        assert_eq!(begin_of(&mut conn(id, Peer::Local, now), now), Some(expected));
        assert_eq!(begin_of(&mut conn(id, Peer::Local, now), Moment::from_ms(8)), None, "too late");
    }
    let open = Opened {
        role_id: 7,
        kind: 2,
        recv_count: 3,
        send_count: 4,
        last_recv_count: 2,
        loop_counter: 5,
        error_send: 6,
        bad_req_count: 1,
        deflate: cfg!(feature = "deflate"),
        dedicated: cfg!(feature = "deflate"),
        ended: true,
        deferral: Some(Owed { seq: 3, cmd: DEFER, flag: 9 }),
        deadlines: Deadlines {
            read_since_ms: 11,
            last_seen_ms: 12,
            pinged_ms: 13,
            client_check_ms: 14,
            account_check_ms: 15,
            housekeeping_ms: 16,
            packets_ahead_us: 17,
        },
    };
    let begin = |open| Begin { now_ms: 20, connected_ms: 7, proxied: false, open: Some(open) };
    let mut conn = Conn::from_begin(id, &begin(open.clone()), 1).unwrap();
    assert_eq!(begin_of(&mut conn, Moment::from_ms(20)), Some(begin(open)));
    for opened in [
        Opened { recv_count: 1 << 43, ..Opened::default() },
        Opened { send_count: 1 << 43, ..Opened::default() },
    ] {
        assert!(Conn::from_begin(id, &begin(opened), 1).is_some());
    }
    for opened in [
        Opened { kind: 3, ..Opened::default() },
        Opened { recv_count: (1 << 43) + 1, ..Opened::default() },
        Opened { send_count: (1 << 43) + 1, ..Opened::default() },
    ] {
        assert!(Conn::from_begin(id, &begin(opened), 1).is_none());
    }
    // Within a message, the recording waits for the message's end.
    let mut rig = Rig::open(|_| {});
    rig.feed(&[0x82, 0xfe]);
    assert_eq!(begin_of(&mut rig.conn, rig.now), None);
}

#[test]
fn everything_that_a_connection_does_is_noted() {
    let acts: [fn(&mut Rig); 12] = [
        |rig| rig.feed(UPGRADE),
        |rig| rig.request(ECHO, b"data"),
        |rig| rig.request(999, b""),
        |rig| rig.frame(Opcode::Ping, b"data"),
        |rig| rig.request(LOGIN, b""),
        |rig| rig.request(LOGIN, b""),
        |rig| rig.request(DEFER, b"data"),
        |rig| rig.request(LOGOUT, b""),
        |rig| rig.pass_until(25_000),
        |rig| rig.with(|conn, env| conn.handle_answer(5, Answer::Reply(b"data".to_vec()), env)),
        |rig| rig.conn.take_inbox().iter().for_each(|inbox| rig.feed(inbox.rest())),
        |rig| {
            // Input after the end is discarded.
            let mut bytes = vec![];
            push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], b"short");
            rig.feed(&[&*bytes, b"more"].concat());
        },
    ];
    let expected = "\
Input bytes: 140
Verdict
Response status: 101 len: 129 hash: 15926894412256408506
Outcome by_application: true said: Done
Input bytes: 19
Packet seq: 1 cmd: 100 len: 4 route: Known hash: of-data
Outcome by_application: true said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data ]
Input bytes: 15
Packet seq: 2 cmd: 999 route: Unknown
Outcome said: Refuse error_id: 1 frames: [Frame opcode: 2 len: 11 packet: error_id: 1 cmd: 999 hash: of-nothing ]
Input bytes: 10
Sent frame: Frame opcode: 10 len: 4 hash: of-data
Input bytes: 15
Packet seq: 3 cmd: 101 route: Known hash: of-nothing
Outcome by_application: true said: Done login: Login role_id: 7 cost: 1
Input bytes: 15
Packet seq: 4 cmd: 101 route: Known hash: of-nothing
Outcome by_application: true said: Done cost: 1
Input bytes: 19
Packet seq: 5 cmd: 103 len: 4 route: Known hash: of-data
Outcome by_application: true said: Done deferred: Yes
Input frames: 1000 left: 15
Time ms: 25000
Timers
Timer which: 4
Sent frame: Frame opcode: 9 hash: of-nothing
Answer seq: 5 answer: Reply len: 4 hash: of-data
Outcome said: Done frames: [Frame opcode: 2 len: 15 packet: cmd: 103 hash: of-data ]
Input bytes: 15
Packet seq: 6 cmd: 102 route: Known access: 1 hash: of-nothing
Outcome by_application: true said: Done login: Login cost: 1
Input discarded: 4 bytes: 11
Closing reason: Reason kind: 9
Sent frame: Frame opcode: 8 len: 14 hash: 2728556666207052764
Flushed
";
    assert_eq!(notes_of(Rig::new(|_| {}), &acts), expected);
}

#[test]
fn inputs_from_the_server_are_noted() {
    fn push(rig: &mut Rig) -> bool {
        let push = Push::new(ECHO, b"data");
        rig.with(|conn, env| conn.admits(&push, 5, env))
    }
    fn time_out(rig: &mut Rig, at_ms: u64) {
        rig.now = Moment::from_ms(at_ms);
        rig.with(|conn, env| conn.handle_timeout(env));
    }
    let acts: [fn(&mut Rig); 9] = [
        |rig| rig.feed(UPGRADE),
        |rig| assert!(push(rig)),
        |rig| {
            (rig.env.settings.outbox_limit, rig.env.settings.overflow) = (10, Overflow::Drop);
            assert!(!push(rig));
        },
        |rig| rig.env.settings.stalls.in_turn(400, Moment::from_ms(500)),
        // A Ping is due each 25 s.
        |rig| time_out(rig, 26_000),
        |rig| time_out(rig, 52_001),
        |rig| rig.with(|conn, env| conn.close(Cause::Operator, env)),
        |rig| rig.conn.handle_end(rig.now),
        |rig| rig.conn.abort(Cause::Reset),
    ];
    let expected = "\
Input bytes: 140
Verdict
Response status: 101 len: 129 hash: 15926894412256408506
Outcome by_application: true said: Done
Push gathered: 5 frame: Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data
Sent frame: Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data
Push gathered: 5 frame: Frame opcode: 2 len: 15 packet: cmd: 100 hash: of-data
Time ms: 26000
Stalls list: [Stalled ago_ms: 25500 turn_ms: 400 ]
Timers
Timer which: 4
Sent frame: Frame opcode: 9 hash: of-nothing
Time ms: 26001
Overdue ms: 1001
Timers
Timer which: 4
Sent frame: Frame opcode: 9 hash: of-nothing
Close reason: Reason kind: 19
Closing reason: Reason kind: 19
Sent frame: Frame opcode: 8 len: 23 hash: 15064030072303258648
Flushed
End
Abort reason: Reason kind: 3
Closed reason: Reason kind: 19
";
    assert_eq!(notes_of(Rig::new(|_| {}), &acts), expected);
    let acts: [fn(&mut Rig); 1] = [|rig| rig.with(|conn, env| conn.refuse(Refusal::TooManyConnections, env))];
    let expected = "\
Refuse reason: Reason kind: 4 detail: 5
Response status: 429 len: 154 hash: 11234233404230393244
Closing reason: Reason kind: 4 detail: 5
Flushed
";
    assert_eq!(notes_of(Rig::new(|_| {}), &acts), expected);
}

#[test]
fn the_sockets_report_on_a_closing_connection_is_noted_and_its_input_is_not() {
    let acts: [fn(&mut Rig); 4] = [
        |rig| rig.feed(UPGRADE),
        |rig| rig.with(|conn, env| conn.close(Cause::Operator, env)),
        |rig| rig.pass_until(10),
        |rig| rig.frame(Opcode::Binary, b"late"),
    ];
    let expected = "\
Input bytes: 140
Verdict
Response status: 101 len: 129 hash: 15926894412256408506
Outcome by_application: true said: Done
Close reason: Reason kind: 19
Closing reason: Reason kind: 19
Sent frame: Frame opcode: 8 len: 23 hash: 15064030072303258648
Flushed
Time ms: 10
Line unacknowledged: 0 idle: true
Timers
Flushed
Input discarded: 10
Flushed
";
    assert_eq!(notes_of(Rig::new(|_| {}), &acts), expected);
}

#[cfg(feature = "zlib")]
#[test]
fn the_result_of_decoding_is_noted() {
    const ZLIB: &[u8] = &[0x78, 0x9c, 0x4b, 0x49, 0x2c, 0x49, 0x4, 0x0, 0x4, 0x0, 0x1, 0x9b];
    let cases: [(u8, &[u8], u16, &str); 5] = [
        (1, ZLIB, ECHO, "Decoded result: Data len: 4"),
        (1, ZLIB, SECRET_LATER, "Decoded hidden: true result: Data len: 4"),
        (1, b"data", ECHO, "Decoded result: Undecodable offence: 1"),
        (2, b"data", ECHO, "Decoded hidden: true result: Undecodable offence: 3"),
        (0, b"data", ECHO, ""),
    ];
    for (data_status, data, cmd, expected) in cases {
        let mut rig = Rig::new(|_| {});
        rig.env.service = Service::Packets(&SECRETS);
        rig.feed(UPGRADE);
        let script = record(&mut rig);
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status, flag: 0, cmd, data });
        rig.frame(Opcode::Binary, &packet);
        let notes: Vec<String> = script.take_noted().iter().map(shown).collect();
        let decoded: Vec<_> = notes.iter().filter(|note| note.starts_with("Decoded")).collect();
        assert_eq!(decoded.first().map_or("", |note| note.as_str()), expected, "{notes:?}");
    }
}

/// Records the given actions on a connection in a file, and replays that.
#[cfg(all(feature = "deflate", feature = "zlib"))]
pub(super) fn replay_of(rig: &mut Rig, act: impl FnOnce(&mut Rig)) -> crate::replay::Replay {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("sysconn-replay-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let store = Store::open(&directory).unwrap();
    let head = Head { settings: rig.env.settings.noted(), ..Head::default() };
    rig.conn.record_with(Recorder::new(Target::File(store.sink("replay")), head, 1 << 20), rig.now);
    act(rig);
    drop(store);
    let path = std::fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    let replay = crate::replay::Recording::read(&std::fs::read(path).unwrap()).unwrap().replay().unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    replay
}
