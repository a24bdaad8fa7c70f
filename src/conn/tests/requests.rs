//! Messages before and after their handlers: answers to bad input, counts, and closes.

use super::*;
use crate::frame::CloseCode;
use crate::packet::{Cipher, Codecs, ErrorId, Fault};
use crate::router::SendError;

/// The bytes of a packet with these header fields.
fn packet(size: u16, data_status: u8, cmd: u16, data: &[u8]) -> Vec<u8> {
    let [high, low] = size.to_be_bytes();
    let [cmd_high, cmd_low] = cmd.to_be_bytes();
    [&[high, low, data_status, 0, 0, 0, 9, cmd_high, cmd_low], data].concat()
}

fn log_in_as(rig: &mut Rig, kind: crate::record::ClientKind) {
    let identity = Identity { role_id: 7, ..Identity::default() };
    rig.conn.record.log_in(Login { identity, kind, ..Login::default() });
}

#[test]
fn each_kind_of_bad_input_is_answered_as_the_contract_says() {
    use crate::record::ClientKind::{Guest, Operator};
    let unknown = 9999;
    let cases = [
        (packet(2, 0, ECHO, b"ab"), None, Ok(0)),
        (packet(u16::MAX, 0, ECHO, b"ab"), None, Ok(0)),
        (packet(3, 0, ECHO, b"ab"), None, Ok(2)),
        (packet(2, 0, unknown, b"ab"), None, Ok(1)),
        (packet(0, 0, LOGOUT, b""), None, Ok(3)),
        (packet(0, 0, WATCH, b""), None, Ok(3)),
        (packet(0, 0, WATCH, b""), Some(Guest), Ok(4)),
        (packet(0, 0, WATCH, b""), Some(Operator), Ok(0)),
        (packet(0, 77, ECHO, b""), None, Ok(0)),
        (packet(2, 3, ECHO, b"ab"), None, Err(4001)),
        (packet(2, 2, ECHO, b"ab"), None, Err(4001)),
        (packet(2, 1, ECHO, b"ab"), None, Err(4001)),
        (packet(0, 0, ECHO, b"")[..8].to_vec(), None, Err(4000)),
        (vec![], None, Err(4000)),
    ];
    for (message, kind, expected) in cases {
        let mut rig = Rig::open(|_| {});
        if let Some(kind) = kind {
            log_in_as(&mut rig, kind);
        }
        rig.frame(Opcode::Binary, &message);
        let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
        assert_eq!((record.recv_count(), totals.packets_received), (1, 1), "{message:?}");
        let answered = match expected {
            Ok(error_id) => {
                let [reply] = rig.replies()[..] else { panic!("{:?} to {message:?}", rig.seen) };
                assert_eq!((reply.error_id.0, reply.flag), (error_id, 9), "{message:?}");
                assert_eq!(message[7..9], reply.cmd.to_be_bytes());
                assert_eq!(reply.data, if error_id == 0 { &message[9..] } else { b"" });
                let bad = u32::from(error_id != 0);
                assert_eq!((record.bad_req_count(), totals.bad_requests), (bad, bad.into()), "{message:?}");
                1
            }
            Err(code) => {
                assert_eq!(rig.closes(), [(0, &*format!("close {code}"))], "{message:?}");
                let offences = usize::from(code == 4001);
                assert_eq!((record.bad_req_count(), rig.env.state.offences.len()), (0, offences));
                0
            }
        };
        assert_eq!((record.send_count(), totals.packets_sent), (answered, answered), "{message:?}");
    }
    assert_eq!(Packet::parse(b"12345678"), Err(Fault::Short));
}

#[test]
fn ten_bad_requests_are_answered_and_the_next_one_closes() {
    let mut rig = Rig::open(|_| {});
    for _ in 0..10 {
        rig.request(9999, b"");
    }
    assert_eq!((rig.replies().len(), rig.closes()), (10, vec![]));
    rig.request(9999, b"");
    assert_eq!((rig.replies().len(), rig.closes()), (10, vec![(0, "close 4002")]));
    assert_eq!(rig.env.tools.totals.bad_requests, 11);
}

#[test]
fn packets_above_the_rate_are_refused_and_are_no_bad_requests() {
    let mut rig = Rig::open(|config| config.limits.max_packets_per_second = Some(2));
    for _ in 0..4 {
        rig.request(ECHO, b"");
    }
    rig.pass_until(500);
    rig.request(ECHO, b"");
    let errors: Vec<_> = rig.replies().iter().map(|reply| reply.error_id.0).collect();
    assert_eq!(errors, [0, 0, 5, 5, 0]);
    assert_eq!(rig.conn.record.bad_req_count(), 0);
}

/// Decrypting turns the text into upper case; a `!` panics.
struct Shouting;

impl Cipher for Shouting {
    fn decrypt(&mut self, _: ConnectionId, data: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        assert_ne!(data, b"!");
        plain.extend(data.to_ascii_uppercase());
        Ok(())
    }

    fn encrypt(&mut self, _: ConnectionId, plain: &[u8], data: &mut Vec<u8>) {
        data.extend(plain.to_ascii_lowercase());
    }
}

#[test]
fn encrypted_data_is_decrypted_and_replies_are_encrypted() {
    let mut rig = Rig::open(|_| {});
    let encrypts = |_: &mut State, request: Request<'_>, context: &mut Context<'_>| match context
        .try_reply_encrypted(request.data())
    {
        Ok(()) => Outcome::Done,
        Err(SendError::NoCipher) => Outcome::Refuse(ErrorId(100)),
        Err(SendError::OutboxFull | SendError::TooLarge { .. }) => Outcome::Refuse(ErrorId(101)),
    };
    rig.call(b"Text", encrypts);
    rig.env.tools.codecs = Codecs::new(Some(Box::new(Shouting)));
    rig.call(b"Text", encrypts);
    rig.frame(Opcode::Binary, &packet(4, 2, ECHO, b"Text"));
    let seen: Vec<_> =
        rig.replies().iter().map(|reply| (reply.error_id.0, reply.data_status, reply.data)).collect();
    assert_eq!(seen, [(100, 0, &b""[..]), (0, 2, b"text"), (0, 0, b"TEXT")]);
    rig.frame(Opcode::Binary, &packet(1, 2, ECHO, b"!"));
    assert_eq!((rig.closes(), &*rig.env.state.offences), (vec![(0, "close 1011")], &[][..]));
}

#[test]
fn undecodable_data_is_an_offence_even_if_the_hook_panics() {
    for offence in [None, Some((|| panic!("by the test")) as fn())] {
        let mut rig = Rig::open(|_| {});
        rig.env.state.offence = offence;
        rig.call(b"", |_, _, _| Outcome::Undecodable);
        assert_eq!(rig.closes(), [(0, "close 4001")]);
        assert_eq!(rig.env.state.offences, [Undecodable::Message]);
    }
}

#[test]
fn each_outcome_has_its_effect() {
    type Handler = fn(&mut State, Request<'_>, &mut Context<'_>) -> Outcome;
    let cases: [(Handler, &[&str]); 5] = [
        (|_, _, _| Outcome::Done, &[]),
        (|_, _, _| Outcome::Refuse(ErrorId(100)), &["packet 0"]),
        (|_, _, _| Outcome::Close(CloseCode::new(4100).unwrap()), &["close 4100"]),
        (|_, _, _| panic!("by the test"), &["close 1011"]),
        (
            |_, request, context| {
                let _ = context.reply(request.data());
                panic!("by the test, too late for what is sent already")
            },
            &["packet 3", "close 1011"],
        ),
    ];
    for (at, (handler, expected)) in cases.into_iter().enumerate() {
        let mut rig = Rig::open(|_| {});
        rig.call(b"abc", handler);
        let seen: Vec<_> = rig.seen.iter().skip(1).map(|(_, what)| what.as_str()).collect();
        assert_eq!(seen, expected, "case {at}");
    }
}

#[test]
fn a_reply_that_does_not_fit_is_counted_and_closes_or_is_dropped() {
    use crate::config::Overflow::{Close, Drop};
    for overflow in [Close, Drop] {
        let mut rig = Rig::open(|config| {
            config.limits.max_len = 1000;
            config.output.outbox_limit = Some(2000);
            config.output.overflow = overflow;
        });
        rig.takes = false;
        rig.call(b"", |state, _, context| {
            state.noted.extend([(); 3].map(|()| format!("{:?}", context.try_reply(&[0; 900]))));
            Outcome::Done
        });
        let record = &rig.conn.record;
        let totals = rig.env.tools.totals;
        assert_eq!((record.send_count(), totals.packets_sent), (2, 2), "{overflow:?}");
        assert_eq!((record.error_send(), totals.send_errors), (1, 1), "{overflow:?}");
        assert_eq!(rig.env.state.noted[1..], ["Ok(())", "Ok(())", "Err(OutboxFull)"]);
        assert_eq!(rig.conn.is_open(), overflow == Drop);
    }
}
