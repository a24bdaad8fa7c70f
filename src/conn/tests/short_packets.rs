//! Short packets that come together: each is handled as if it had come by itself, or in pieces.

use super::log_lines::lines;
use super::*;
use crate::frame::CloseCode;
use crate::packet::ErrorId;

/// The handler of CALL. Data says what it does.
fn act(state: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let (seq, data) = (request.seq(), request.data());
    state.noted.push(format!("{seq} {} {} {}", request.flag(), data.len(), context.record().last_cmd()));
    match data {
        b"panic" => {
            let _ = context.reply(b"before");
            panic!("by the test")
        }
        b"nothing" => Outcome::Done,
        b"refuse" => Outcome::Refuse(ErrorId(100)),
        b"refuse with" => context.refuse_with(ErrorId(101), b"why"),
        b"close" => Outcome::Close(CloseCode::new(4100).unwrap()),
        b"undecodable" => Outcome::Undecodable,
        b"twice" => {
            let _ = context.reply(b"once");
            context.reply(b"twice")
        }
        b"push" => {
            let id = context.id();
            context.effects().send(id, &Push::new(700, b"to itself"));
            context.reply(b"before the push")
        }
        b"effect" => {
            context.effects().set_debug(ConnectionId::new(0, 9, 9), true);
            context.reply(b"switched")
        }
        b"much" => {
            for _ in 0..70 {
                let _ = context.reply(&[7; 1000]);
            }
            Outcome::Done
        }
        b"too large" => context.reply(&[7; 70_000]),
        b"overflow" => {
            for _ in 0..90 {
                let _ = context.reply(&[7; 1000]);
            }
            Outcome::Done
        }
        data => context.reply(data),
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    push_masked_frame(&mut frame, true, Opcode::Binary, [0x9e, 2, 0x77, 4], payload);
    frame[0] = first;
    frame
}

fn packet(cmd: u16, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status, flag: 0x0102_0304, cmd, data });
    frame(0x82, &packet)
}

/// A packet with this DataSize, and one byte of Data.
fn sized(size: u16) -> Vec<u8> {
    let [high, low] = size.to_be_bytes();
    frame(0x82, &[high, low, 0, 0, 0, 0, 7, 0, ECHO as u8, 1])
}

/// Frames of a client, of which each is unusual in its own way.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames: Vec<_> = [0, 1, 7, 31, 32, 33, 63, 64, 113, 114, 115, 116, 117, 200, 5000]
        .map(|len| ("an echo", packet(ECHO, 0, &vec![len as u8; len])))
        .into();
    let acts = [
        "panic",
        "nothing",
        "refuse",
        "refuse with",
        "close",
        "undecodable",
        "twice",
        "push",
        "effect",
        "much",
        "too large",
        "overflow",
        "else",
    ];
    frames.extend(acts.map(|act| (act, packet(CALL, 0, act.as_bytes()))));
    frames.extend([
        ("unknown", packet(999, 0, b"1")),
        ("login", packet(LOGIN, 0, b"")),
        ("logout", packet(LOGOUT, 0, b"")),
        ("farewell", packet(FAREWELL, 0, b"data")),
        ("for operators", packet(WATCH, 0, b"data")),
        ("encoded", packet(ECHO, 1, b"no zlib")),
        ("encrypted", packet(ECHO, 2, b"no cipher")),
        ("empty, encoded", packet(ECHO, 77, b"")),
        ("bad size", sized(2)),
        ("right size", sized(1)),
        ("to the end", sized(u16::MAX)),
        ("too short", frame(0x82, &[1; 8])),
        ("empty", frame(0x82, b"")),
        ("a fragment", frame(0x02, b"")),
        ("its end", frame(0x80, &packet(ECHO, 0, b"1")[6..])),
        ("text", frame(0x81, b"text")),
        ("a ping", frame(0x89, b"ping")),
        ("a pong", frame(0x8a, b"")),
        ("a close", frame(0x88, &[0x03, 0xe8])),
        ("compressed", frame(0xc2, b"1")),
        ("reserved", frame(0x83, b"1")),
        ("not masked", vec![0x82, 9, 0, 0, 0, 0, 0, 0, 0, 0, ECHO as u8]),
    ]);
    frames
}

/// A change of the configuration.
type Change = fn(&mut Config);

/// How the frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    Together,
    OneByOne,
    /// No frame comes whole, so none is short.
    InPieces,
}

/// All that the client, the log, the application and an operator see.
fn results(frames: &[Vec<u8>], arrival: Arrival, change: Change) -> Vec<String> {
    let mut rig = Rig::open(change);
    rig.env.state.call = Some(act);
    lines();
    match arrival {
        Arrival::Together => rig.feed(&frames.concat()),
        Arrival::OneByOne => frames.iter().for_each(|frame| rig.feed(frame)),
        Arrival::InPieces => frames.iter().for_each(|frame| {
            let (front, last) = frame.split_at(frame.len() - 1);
            rig.feed(front);
            rig.feed(last);
        }),
    }
    let record = &rig.conn.record;
    let counts = (record.recv_count(), record.send_count(), record.error_send(), record.bad_req_count());
    vec![
        format!("{:?}", rig.seen),
        format!("{:?}", rig.messages),
        format!("{:?}", lines()),
        format!("{:?} {:?}", rig.env.state.noted, rig.env.state.offences),
        format!("{counts:?} {} {} {:?}", record.last_cmd(), record.role_id(), rig.env.tools.totals),
        format!("{:?} {:?}", rig.conn.next_deadline(&rig.env.settings), rig.env.tools.effects),
    ]
}

fn check(frames: &[Vec<u8>], change: Change, what: &str) {
    let expected = results(frames, Arrival::InPieces, change);
    for arrival in [Arrival::OneByOne, Arrival::Together] {
        assert_eq!(results(frames, arrival, change), expected, "{what}, {arrival:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn packets_that_come_together_are_handled_like_those_that_come_in_pieces() {
    let changes: [(&str, Change); 5] = [
        ("as it is", |_| {}),
        ("a small outbox", |config| {
            (config.limits.max_len, config.output.outbox_limit) = (60_000, Some(65_536));
        }),
        ("short messages", |config| config.limits.max_len = 40),
        ("shorter ones before a login", |config| config.limits.max_len_before_login = Some(20)),
        ("a packet rate", |config| config.limits.max_packets_per_second = Some(3)),
    ];
    let echo = packet(ECHO, 0, b"echo");
    for (change, with) in changes {
        for (name, frame) in frames() {
            let second = [echo.clone(), frame, echo.clone(), echo.clone(), packet(CALL, 0, b"twice")];
            check(&second, with, &format!("{name}, {change}"));
        }
        check(&frames().into_iter().map(|(_, frame)| frame).collect::<Vec<_>>(), with, change);
        check(&vec![packet(999, 0, b""); 12], with, change);
    }
}

#[test]
fn a_panic_among_packets_closes_with_what_was_sent_before_it() {
    let mut rig = Rig::open(|_| {});
    rig.env.state.call = Some(act);
    lines();
    let [echo, panic] = [packet(ECHO, 0, b"echo"), packet(CALL, 0, b"panic")];
    rig.feed(&[&echo[..], &echo, &panic, &echo].concat());
    let seen: Vec<_> = rig.seen.iter().skip(1).map(|(_, what)| what.as_str()).collect();
    assert_eq!(seen, ["packet 4", "packet 4", "packet 6", "close 1011"]);
    assert_eq!((rig.conn.record.recv_count(), rig.conn.record.last_cmd()), (3, CALL));
    let id = rig.conn.record.id;
    let line = format!("ERROR panic what=\"handler\" id={id} peer=unix role_id=0 cmd={CALL}");
    assert_eq!(lines().iter().filter(|logged| **logged == line).count(), 1);
}

#[test]
fn a_run_of_packets_ends_with_the_budget() {
    let wire = packet(ECHO, 0, b"echo").repeat(10);
    for frames in 1..=10 {
        let (mut rig, mut input) = (Rig::open(|_| {}), wire.clone());
        let (progress, left) = rig.with_input(&mut input, |conn, env, input| {
            env.frames_left = frames;
            let mut rest = &mut *input;
            (conn.handle_bytes(&mut rest, env), rest.len())
        });
        let taken = wire.len() / 10 * frames as usize;
        assert_eq!((left, rig.env.frames_left), (wire.len() - taken, 0), "{frames}");
        assert_eq!(progress, if left == 0 { Progress::Taken } else { Progress::Wait }, "{frames}");
        assert_eq!(rig.messages.len(), frames as usize);
    }
}
