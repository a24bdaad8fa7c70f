//! After the server's Close: when its FIN goes out, and when the socket closes.

use super::*;
use crate::conn::closing::Closing;

/// An event of a connection at that millisecond.
type Event = (u64, fn(&mut Rig));

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    push_masked_frame(&mut frame, true, opcode, [1, 2, 3, 4], payload);
    frame
}

fn operator(rig: &mut Rig) {
    rig.with(|conn, env| conn.close(Cause::Operator, env));
}

/// The header of a message of 600 KB, and the first of its bytes.
fn announce(rig: &mut Rig) {
    rig.feed(b"\x82\xff\0\0\0\0\0\x09\x27\xc0maskmessage");
}

fn message(rig: &mut Rig) {
    rig.feed(&frame(Opcode::Binary, b"on its way"));
}

fn answer(rig: &mut Rig) {
    rig.feed(&frame(Opcode::Close, b"\x03\xe8"));
}

fn invalid(rig: &mut Rig) {
    rig.feed(&frame(Opcode::Close, b"\x03\xed"));
}

fn end(rig: &mut Rig) {
    rig.conn.handle_end(rig.now);
    rig.flush();
}

/// The socket has taken everything, and the client's system acknowledges it.
fn take_all(rig: &mut Rig) {
    rig.conn.outbox.advance(rig.conn.outbox.queued());
    rig.flush();
}

fn acknowledge(rig: &mut Rig) {
    rig.line.unacknowledged = Some(0);
}

fn hold_up(rig: &mut Rig) {
    rig.line.unacknowledged = Some(9);
}

/// Plays the events. Returns when the sending side was shut down, and when the socket was closed.
fn play(mut rig: Rig, events: &[Event]) -> (Option<u64>, Option<u64>) {
    let mut closed_at = None;
    for (at, event) in events.iter().copied().chain([(1_000_000, (|_| {}) as fn(&mut Rig))]) {
        let before = rig.conn.cause();
        closed_at = closed_at.or(pass_until(&mut rig, at));
        event(&mut rig);
        if before.is_none() && rig.conn.cause().is_some() {
            closed_at = closed_at.or(Some(at));
        }
    }
    assert!(rig.shutdowns.len() <= 1, "{:?}", rig.shutdowns);
    (rig.shutdowns.first().copied(), closed_at)
}

/// Lets time pass. Returns when the socket was closed, if it was.
fn pass_until(rig: &mut Rig, end_ms: u64) -> Option<u64> {
    while rig.conn.cause().is_none() && rig.conn.next_deadline(&rig.env.settings).as_ms() <= end_ms {
        let due = rig.conn.next_deadline(&rig.env.settings).max(rig.now);
        rig.pass_until(due.as_ms());
    }
    let closed_at = rig.conn.cause().map(|_| rig.now.as_ms());
    rig.now = rig.now.max(Moment::from_ms(end_ms));
    closed_at
}

#[test]
fn when_the_sending_side_is_shut_down_and_when_the_socket_closes() {
    // The last check that finds everything acknowledged is at 10 ms, or, if that comes later, at 10 + 20 + 40
    // + … ms.
    type Case = (&'static str, &'static [Event], Option<u64>, Option<u64>);
    let cases: [Case; 24] = [
        ("no answer", &[(0, operator)], Some(2010), Some(4010)),
        ("an answer", &[(0, operator), (100, answer), (105, end)], Some(100), Some(105)),
        ("an answer, and TCP is left to the server", &[(0, operator), (100, answer)], Some(100), Some(300)),
        ("an answer at once", &[(0, operator), (0, answer), (0, end)], Some(0), Some(0)),
        ("a late answer", &[(0, operator), (1900, answer), (1901, end)], Some(1900), Some(1901)),
        ("an answer behind the end", &[(0, operator), (3000, answer)], Some(2010), Some(3200)),
        ("an end", &[(0, operator), (100, end)], Some(100), Some(100)),
        ("it still sends", &[(0, operator), (1500, message), (3000, message)], Some(5000), Some(7000)),
        ("a part of a frame", &[(0, operator), (1500, |rig| rig.feed(b"\x82"))], Some(3500), Some(5500)),
        ("an answer behind messages", &[(0, operator), (9, message), (9, answer)], Some(9), Some(209)),
        ("an answer in a message", &[(0, operator), (9, announce), (20, answer)], Some(2020), Some(4020)),
        ("an invalid answer", &[(0, operator), (100, invalid)], Some(300), Some(2300)),
        (
            "an invalid answer, then another",
            &[(0, operator), (9, invalid), (50, answer)],
            Some(50),
            Some(250),
        ),
        ("a violation", &[(0, |rig| rig.feed(&[0x82, 0]))], Some(210), Some(2210)),
        (
            "a violation, and it still sends",
            &[(0, |rig| rig.feed(&[0x82, 0])), (100, message)],
            Some(300),
            Some(2300),
        ),
        (
            "a violation, and an answer",
            &[(0, |rig| rig.feed(&[0x82, 0])), (100, answer)],
            Some(100),
            Some(300),
        ),
        ("an invalid Close", &[(0, invalid)], Some(210), Some(2210)),
        ("too long", &[(0, announce)], Some(2010), Some(4010)),
        ("text", &[(0, |rig| rig.feed(&frame(Opcode::Text, b"text"))), (50, answer)], Some(50), Some(250)),
        ("the client's own Close", &[(0, answer), (5, end)], Some(0), Some(5)),
        ("the client's own Close, and nothing", &[(0, answer)], Some(0), Some(200)),
        (
            "its own Close, and it still sends",
            &[(0, answer), (150, message), (300, message)],
            Some(0),
            Some(500),
        ),
        ("half-closed", &[(0, end)], Some(0), Some(0)),
        (
            "it is acknowledged late",
            &[(0, hold_up), (0, operator), (100, acknowledge)],
            Some(2150),
            Some(4150),
        ),
    ];
    for (name, events, shutdown_at, closed_at) in cases {
        assert_eq!(play(Rig::open(|_| {}), events), (shutdown_at, closed_at), "{name}");
    }
}

/// Gives the connection the input that has waited, as it asks for.
fn resume(rig: &mut Rig) {
    if rig.with(|conn, env| conn.can_resume(&env.settings)) {
        rig.conn.take_inbox().iter().for_each(|inbox| rig.feed(inbox.rest()));
    }
}

#[test]
fn the_clients_close_is_found_in_input_that_waited() {
    let waiting: [fn(&mut Rig); 2] = [
        |rig| {
            rig.request(DEFER, b"");
            rig.feed(&[frame(Opcode::Binary, b"waits"), frame(Opcode::Close, b"\x03\xe8")].concat());
        },
        |rig| {
            rig.request(DEFER, b"");
            let bytes = [frame(Opcode::Binary, b"waits"), frame(Opcode::Close, b"\x03\xe8")].concat();
            rig.feed(&bytes[..bytes.len() - 1]);
            operator(rig);
            resume(rig);
            rig.feed(&bytes[bytes.len() - 1..]);
        },
    ];
    for wait in waiting {
        let mut rig = Rig::open(|_| {});
        wait(&mut rig);
        operator(&mut rig);
        resume(&mut rig);
        assert_eq!((rig.closes(), &rig.shutdowns[..]), (vec![(0, "close 4010")], &[0][..]));
    }
}

#[test]
fn a_refusal_waits_only_for_the_clients_end() {
    let refusal: Event = (0, |rig| rig.feed(b"POST / HTTP/1.1\r\n\r\n"));
    assert_eq!(play(Rig::new(|_| {}), &[refusal]), (Some(0), Some(2000)));
    assert_eq!(play(Rig::new(|_| {}), &[refusal, (700, end)]), (Some(0), Some(700)));
    // Bytes that only look like a Close do not count as one.
    assert_eq!(play(Rig::new(|_| {}), &[refusal, (700, answer)]), (Some(0), Some(2000)));
}

#[test]
fn no_client_delays_the_end_forever() {
    let mut rig = Rig::open(|_| {});
    operator(&mut rig);
    for ms in (100..60_000).step_by(100) {
        pass_until(&mut rig, ms);
        message(&mut rig);
    }
    // Fifteen times the two seconds of silence.
    assert_eq!((&rig.shutdowns[..], rig.conn.cause()), (&[30_010][..], Some(Cause::Operator)));
}

#[test]
fn a_client_that_takes_too_little_output_is_cut_off() {
    // Bytes that it takes each second, and when it is cut off, if it is.
    for (name, each_second, read_ms, cut_at) in [
        ("nothing", 0, Some(60_000), Some(60_010)),
        ("less than 1 KiB in a minute", 17, Some(60_000), Some(60_010)),
        ("1 KiB in a minute", 18, Some(60_000), None),
        ("a lot", 10_000, Some(60_000), None),
        ("nothing, and there is no read timeout", 0, None, Some(30_010)),
        ("less than 1 KiB in ten seconds", 100, Some(10_000), Some(10_010)),
    ] {
        for in_the_kernel in [false, true] {
            let mut rig = Rig::open(|config| {
                config.timers.read = read_ms.map(Duration::from_millis);
                (config.timers.client_check, config.timers.ping_interval) = (None, None);
            });
            rig.takes = in_the_kernel;
            hold_up(&mut rig);
            operator(&mut rig);
            let mut closed_at = None;
            for second in 1..300 {
                closed_at = closed_at.or(pass_until(&mut rig, second * 1000));
                rig.line.taken += each_second;
            }
            assert_eq!(closed_at, cut_at, "{name}, in the kernel: {in_the_kernel}");
            assert_eq!(rig.shutdowns, [], "{name}");
            if cut_at.is_none() {
                // Only now the two seconds begin.
                acknowledge(&mut rig);
                take_all(&mut rig);
                pass_until(&mut rig, 310_000);
                let at = rig.shutdowns[0];
                assert!((301_000..=304_000).contains(&at), "{name}: {at}");
            }
        }
    }
}

#[test]
fn a_clients_close_counts_before_all_is_written() {
    let mut rig = Rig::open(|_| {});
    rig.takes = false;
    rig.request(ECHO, b"waits");
    operator(&mut rig);
    rig.now = Moment::from_ms(50);
    answer(&mut rig);
    assert_eq!(rig.shutdowns, []);
    rig.now = Moment::from_ms(70);
    take_all(&mut rig);
    assert_eq!(rig.shutdowns, [70]);
}

#[test]
fn unread_input_or_unacknowledged_output_keeps_the_socket_open() {
    for (line, closed_at) in [
        (SocketReport { unacknowledged: Some(0), taken: 0, is_idle: true }, 300),
        (SocketReport { unacknowledged: Some(1), taken: 0, is_idle: true }, 2100),
        (SocketReport { unacknowledged: None, taken: 0, is_idle: true }, 2100),
        (SocketReport { unacknowledged: Some(0), taken: 0, is_idle: false }, 2100),
    ] {
        let mut rig = Rig::open(|_| {});
        operator(&mut rig);
        rig.line = line;
        let events: [Event; 1] = [(100, answer)];
        assert_eq!(play(rig, &events), (Some(100), Some(closed_at)), "{line:?}");
    }
    // Where the system cannot report it, everything counts as acknowledged.
    let mut rig = Rig::open(|_| {});
    rig.line.unacknowledged = None;
    assert_eq!(play(rig, &[(0, operator)]), (Some(2010), Some(4010)));
}

#[test]
fn times_follow_the_close_timeout() {
    for (close_ms, violated, silent) in [(20_000, 210, 20_010), (100, 110, 110), (1, 11, 11)] {
        let open = || Rig::open(|config| config.timers.close = Duration::from_millis(close_ms));
        assert_eq!(play(open(), &[(0, |rig| rig.feed(&[0x82, 0]))]).0, Some(violated), "{close_ms}");
        assert_eq!(play(open(), &[(0, operator)]).0, Some(silent), "{close_ms}");
    }
}

#[test]
fn time_in_which_the_server_was_stopped_does_not_count_as_silence() {
    let mut rig = Rig::open(|_| {});
    operator(&mut rig);
    pass_until(&mut rig, 1000);
    rig.env.settings.stalls.in_poll(9_000, Moment::from_ms(10_000));
    rig.now = Moment::from_ms(10_000);
    pass_until(&mut rig, 11_009);
    assert_eq!(rig.shutdowns, []);
    pass_until(&mut rig, 11_010);
    assert_eq!(rig.shutdowns, [11_010]);
}

#[test]
fn a_closing_connection_is_small() {
    // When a server drains, all connections close at once.
    assert!(size_of::<Closing>() <= 256, "{}", size_of::<Closing>());
}
