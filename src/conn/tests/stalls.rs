//! Stalls of the server, slow clients, and how both move the timers of a connection.

use super::*;

/// A stall that ends at that moment, in a poll or in a turn.
#[derive(Clone, Copy, Debug)]
enum Stall {
    Poll { ms: u64, end: u64 },
    Turn { ms: u64, end: u64 },
}
use Stall::{Poll, Turn};

/// A connection after these stalls, at the end of the last one.
fn stalled(mut rig: Rig, stalls: &[Stall]) -> Rig {
    for stall in stalls {
        let (Poll { ms, end } | Turn { ms, end }) = *stall;
        rig.pass_until(end - ms);
        rig.now = Moment::from_ms(end);
        match stall {
            Poll { .. } => rig.env.settings.stalls.in_poll(ms, rig.now),
            Turn { .. } => rig.env.settings.stalls.in_turn(ms, rig.now),
        }
    }
    rig
}

/// Everything that the connection was sent from that moment on.
fn seen_from(rig: &Rig, ms: u64) -> Vec<(u64, &str)> {
    rig.seen.iter().filter(|(at, _)| *at >= ms).map(|(at, what)| (*at, what.as_str())).collect()
}

#[test]
fn stalls_move_the_handshake_timer() {
    let cases: [(&[Stall], u64); 7] = [
        (&[], 10_000),
        (&[Poll { ms: 99, end: 5_000 }], 10_000),
        (&[Poll { ms: 100, end: 5_000 }], 10_100),
        (&[Poll { ms: 3_600_000, end: 3_605_000 }], 3_610_000),
        (&[Turn { ms: 4_000, end: 5_000 }], 14_000),
        // Clients can cause these through a handler, so they move a timer by one period in all.
        (&[Turn { ms: 8_000, end: 9_000 }, Turn { ms: 8_000, end: 18_000 }], 20_000),
        (&[Turn { ms: 30_000, end: 35_000 }], 35_000),
    ];
    for (stalls, at) in cases {
        let mut rig = stalled(Rig::new(|_| {}), stalls);
        rig.pass_until(rig.now.as_ms() + 60_000);
        assert_eq!(rig.seen, [(at, "408".to_string())], "{stalls:?}");
    }
}

#[test]
fn stalls_move_the_checks_and_the_close_timeout() {
    type Case = (fn(&mut Config), &'static [Stall], u64, &'static str);
    let cases: [Case; 4] = [
        (|config| config.timers.read = None, &[Poll { ms: 70_000, end: 71_000 }], 130_000, "close 4003"),
        (|config| config.timers.read = None, &[Turn { ms: 7_000, end: 8_000 }], 67_000, "close 4003"),
        (
            |config| (config.timers.read, config.timers.client_check) = (None, None),
            &[Poll { ms: 400_000, end: 500_000 }],
            700_000,
            "close 4004",
        ),
        (|config| config.timers.client_check = None, &[Turn { ms: 900, end: 2_000 }], 60_900, "close 4009"),
    ];
    for (at, (change, stalls, close_at, close)) in cases.into_iter().enumerate() {
        let mut rig = stalled(Rig::open(change), stalls);
        rig.pass_until(close_at + 10_000);
        assert_eq!(rig.closes(), [(close_at, close)], "case {at}");
    }
    let mut rig = Rig::open(|_| {});
    rig.with(|conn, env| conn.close(Cause::Operator, env));
    let mut rig = stalled(rig, &[Poll { ms: 60_000, end: 60_500 }]);
    rig.pass_until(64_009);
    assert_eq!((&rig.shutdowns[..], rig.conn.cause()), (&[62_010][..], None));
    rig.pass_until(64_010);
    assert_eq!(rig.conn.cause(), Some(Cause::Operator));
}

/// A configuration, and the code with which it closes a silent client.
type Asks = (fn(&mut Config), &'static str);

/// Only the read timer, or only the client check where frames count.
const ASKS: [Asks; 2] = [
    (|config| config.timers.client_check = None, "close 4009"),
    (
        |config| {
            config.timers.liveness = Liveness::Frames;
            config.timers.read = None;
        },
        "close 4003",
    ),
];

#[test]
fn after_a_long_stall_a_client_is_pinged_before_it_is_closed() {
    // Without regular Pings, the timer sends one when it is due, once, and waits 10 s.
    let cases: [(&[Stall], &[u64], u64); 6] = [
        (&[], &[], 60_000),
        (&[Poll { ms: 999, end: 5_000 }], &[], 60_999),
        (&[Poll { ms: 1_000, end: 5_000 }], &[61_000], 71_000),
        (&[Turn { ms: 1_000, end: 5_000 }], &[61_000], 71_000),
        // Stalls while the Ping is unanswered cause no second Ping, and extend the 10 s by at most as much
        // again.
        (
            &[
                Turn { ms: 1_000, end: 5_000 },
                Turn { ms: 3_000, end: 65_000 },
                Turn { ms: 9_000, end: 75_000 },
            ],
            &[61_000],
            81_000,
        ),
        (&[Poll { ms: 1_000, end: 5_000 }, Poll { ms: 60_000, end: 125_000 }], &[61_000], 131_000),
    ];
    for (change, close) in ASKS {
        for (stalls, pings, close_at) in cases {
            let mut rig = Rig::open(|config| {
                (config.timers.ping_interval, config.timers.account_check) = (None, None);
                change(config);
            });
            rig = stalled(rig, stalls);
            rig.pass_until(close_at + 70_000);
            let mut expected: Vec<_> = pings.iter().map(|at| (*at, "ping")).collect();
            expected.push((close_at, close));
            assert_eq!(seen_from(&rig, 1), expected, "{stalls:?}");
        }
    }
}

#[test]
fn a_client_that_answers_no_ping_after_a_long_stall_is_closed() {
    // The interval of Pings, the stalls, and when it is closed.
    let cases: [(u64, &[Stall], u64); 4] = [
        (3_000, &[], 60_000),
        (3_000, &[Poll { ms: 1_000, end: 5_000 }], 61_000),
        (3_000, &[Turn { ms: 1_000, end: 59_000 }], 72_000),
        (25_000, &[Turn { ms: 1_000, end: 49_500 }], 61_000),
    ];
    for (change, close) in ASKS {
        for (ping_ms, stalls, close_at) in cases {
            let mut rig = Rig::open(|config| {
                config.timers.ping_interval = Some(Duration::from_millis(ping_ms));
                config.timers.account_check = None;
                change(config);
            });
            rig = stalled(rig, stalls);
            rig.pass_until(200_000);
            assert_eq!(rig.closes(), [(close_at, close)], "{ping_ms} {stalls:?}");
        }
    }
}

#[test]
fn a_client_that_answers_each_ping_survives_every_stall() {
    for (change, _) in ASKS {
        let mut rig = Rig::open(|config| {
            config.timers.account_check = None;
            change(config);
        });
        let mut answered = 0;
        for number in 1..2_000u64 {
            let at = number * 1_000;
            if number % 90 == 0 {
                rig.now = Moment::from_ms(at + 80_000 - 1_000);
                rig.env.settings.stalls.in_poll(79_000, rig.now);
            } else if rig.now.as_ms() < at {
                rig.pass_until(at);
            }
            let pings = rig.seen.iter().filter(|(_, what)| what == "ping").count();
            // At most half a second after it came, not counting stalls.
            if pings > answered {
                answered = pings;
                rig.frame(Opcode::Pong, b"");
            }
        }
        assert_eq!(rig.closes(), []);
        assert!(answered > 20, "{answered}");
    }
}

/// The kernel's report when a timer is about to close a connection.
fn ask(rig: &mut Rig, in_flight: u64, written: Option<u64>) {
    let outgoing = Outgoing { in_flight, written };
    rig.with(|conn, env| {
        assert!(conn.is_taken_for_silent(env));
        conn.handle_outgoing(outgoing, env);
    });
    rig.with(|conn, env| conn.handle_timeout(env));
}

fn silent(change: fn(&mut Config)) -> Rig {
    Rig::open(|config| {
        (config.timers.ping_interval, config.timers.account_check) = (None, None);
        change(config);
    })
}

#[test]
fn a_client_that_takes_its_output_is_not_silent() {
    // The bytes in flight at each sample, a period apart, and the bytes written between samples.
    type Looks = &'static [(u64, u64)];
    let cases: [(Looks, bool); 8] = [
        (&[(0, 0)], false),
        (&[(1, 0)], true),
        (&[(5_000, 0), (3_977, 0)], false),
        (&[(5_000, 0), (3_976, 0)], true),
        (&[(5_000, 0), (3_000, 0), (3_000, 0)], false),
        // Bytes written meanwhile neither hide nor fake the client's progress.
        (&[(5_000, 10_000), (15_000, 0)], false),
        (&[(5_000, 10_000), (13_976, 0)], true),
        // On a Unix domain socket, written bytes can take more space than their number.
        (&[(5_000, 100), (9_000, 0)], false),
    ];
    for (change, close) in ASKS {
        for counts in [false, true] {
            for (looks, stays) in cases {
                let mut rig = silent(change);
                let mut total = 70_000;
                for (number, (in_flight, written)) in looks.iter().enumerate() {
                    let at = 60_000 * (number as u64 + 1);
                    rig.pass_until(at - 1);
                    rig.now = Moment::from_ms(at);
                    ask(&mut rig, *in_flight, counts.then_some(total));
                    total += written;
                    rig.conn.handle_written(*written as usize, rig.now, &rig.env.settings);
                }
                let at = rig.now.as_ms();
                let expected = if stays { vec![] } else { vec![(at, close)] };
                assert_eq!(rig.closes(), expected, "{looks:?}");
                rig.pass_until(at + 59_999);
                assert_eq!(rig.closes(), expected, "{looks:?}");
            }
        }
    }
}

#[test]
fn a_sign_of_life_drops_an_older_sample() {
    let mut rig = silent(ASKS[0].0);
    rig.now = Moment::from_ms(60_000);
    ask(&mut rig, 5_000, None);
    rig.pass_until(61_000);
    rig.frame(Opcode::Pong, b"");
    rig.now = Moment::from_ms(121_000);
    // Not less than before, and yet this is the first sample.
    ask(&mut rig, 5_000, None);
    assert_eq!(rig.closes(), []);
    assert!(rig.conn.rare.sample().is_some());
    rig.pass_until(122_000);
    rig.frame(Opcode::Pong, b"");
    rig.conn.drop_old_sample();
    assert!(rig.conn.rare.sample().is_none());
    rig.now = Moment::from_ms(182_000);
    ask(&mut rig, 0, None);
    assert_eq!(rig.closes(), [(182_000, "close 4009")]);
}
