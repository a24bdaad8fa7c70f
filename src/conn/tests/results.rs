//! Results of handlers, and routes with a predicate.

use super::*;
use crate::packet::{Decode, Encode, ErrorId};
use crate::record::ClientKind;
use crate::{handler, typed};

const BYTES: u16 = 200;
const ENCODED: u16 = 201;
const NOTHING: u16 = 202;
const OUTCOME: u16 = 203;
const EMPTY: u16 = 204;
const AN_OUTCOME: u16 = 205;
const TYPED: u16 = 206;
const FOR_SEVEN: u16 = 207;
const ASK_AND_PANIC: u16 = 208;

/// A message of the numbers below `len`. No message ends with 13.
struct Counted {
    len: u8,
}

impl Encode for Counted {
    fn encode(&self, data: &mut Vec<u8>) {
        for number in 0..self.len {
            data.push(number);
            assert!(number != 13, "as the test asked");
        }
    }
}

impl Decode for Counted {
    fn decode(data: &[u8]) -> Result<Self, Undecodable> {
        data.first().map(|&len| Counted { len }).ok_or(Undecodable::Message)
    }
}

/// The first byte of Data, or the refusal with ErrorID 100.
fn first(request: &Request<'_>) -> Result<u8, ErrorId> {
    request.data().first().copied().ok_or(ErrorId(100))
}

fn bytes<'a>(_: &mut State, request: Request<'a>, _: &mut Context<'_>) -> Result<&'a [u8], ErrorId> {
    first(&request)?;
    Ok(request.data())
}

fn encoded(_: &mut State, request: Request<'_>, _: &mut Context<'_>) -> Result<Counted, ErrorId> {
    Ok(Counted { len: first(&request)? })
}

fn nothing(_: &mut State, _: Request<'_>, _: &mut Context<'_>) {}

fn outcome(_: &mut State, request: Request<'_>, _: &mut Context<'_>) -> Outcome {
    first(&request).map_or_else(Outcome::Refuse, |_| Outcome::Undecodable)
}

fn empty(_: &mut State, request: Request<'_>, _: &mut Context<'_>) -> Result<(), ErrorId> {
    first(&request).map(drop)
}

fn an_outcome(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Result<Outcome, ErrorId> {
    first(&request)?;
    Ok(context.reply(b"an outcome"))
}

fn typed_message(_: &mut State, message: Counted, _: &mut Context<'_>) -> Result<String, ErrorId> {
    if message.len > 9 { Err(ErrorId(100)) } else { Ok(format!("{}", message.len)) }
}

static RESULTS: Module<State> = Module::new(
    2,
    "results",
    [
        Route::new(BYTES, "bytes", Access::Anyone, handler!(bytes)),
        Route::new(ENCODED, "encoded", Access::Anyone, handler!(encoded)),
        Route::new(NOTHING, "nothing", Access::Anyone, handler!(nothing)),
        Route::new(OUTCOME, "outcome", Access::Anyone, handler!(outcome)),
        Route::new(EMPTY, "empty", Access::Anyone, handler!(empty)),
        Route::new(AN_OUTCOME, "an outcome", Access::Anyone, handler!(an_outcome)),
        Route::new(TYPED, "typed", Access::Anyone, typed!(typed_message)),
        Route::new(FOR_SEVEN, "for seven", Access::If(|record, ()| record.role_id() == 7), echo),
        Route::new(ASK_AND_PANIC, "panics", Access::If(|_, ()| panic!("as the test asked")), echo),
    ],
);
static ROUTES: Router<State> = Router::new([&RESULTS]);

fn rig() -> Rig {
    let mut rig = Rig::open(|_| {});
    rig.env.service = Service::Packets(&ROUTES);
    rig
}

/// What follows from a result.
#[derive(Debug, PartialEq)]
enum Answer {
    Reply(Vec<u8>),
    Refusal(u16),
    Close(u16),
    Nothing,
}

fn answer_to(rig: &mut Rig, cmd: u16, data: &[u8]) -> Answer {
    let before = rig.replies().len();
    rig.request(cmd, data);
    match (rig.replies().get(before..), &rig.closes()[..]) {
        (_, [(_, close)]) => Answer::Close(close.trim_start_matches("close ").parse().unwrap()),
        (Some([reply]), []) if reply.error_id.0 == 0 => Answer::Reply(reply.data.to_vec()),
        (Some([reply]), []) => Answer::Refusal(reply.error_id.0),
        (Some([]), []) => Answer::Nothing,
        _ => panic!("{:?}", rig.seen),
    }
}

#[test]
fn each_result_of_a_handler_has_its_answer() {
    let reply = |data: &[u8]| Answer::Reply(data.to_vec());
    let cases = [
        (BYTES, &b"any"[..], reply(b"any")),
        (BYTES, b"", Answer::Refusal(100)),
        (ENCODED, &[3], reply(&[0, 1, 2])),
        (ENCODED, &[0], reply(b"")),
        (ENCODED, &[20], Answer::Close(1011)),
        (ENCODED, b"", Answer::Refusal(100)),
        (NOTHING, b"any", Answer::Nothing),
        (OUTCOME, b"any", Answer::Close(4001)),
        (OUTCOME, b"", Answer::Refusal(100)),
        (EMPTY, b"any", reply(b"")),
        (EMPTY, b"", Answer::Refusal(100)),
        (AN_OUTCOME, b"any", reply(b"an outcome")),
        (AN_OUTCOME, b"", Answer::Refusal(100)),
        (TYPED, &[9], reply(b"9")),
        (TYPED, &[10], Answer::Refusal(100)),
        (TYPED, b"", Answer::Close(4001)),
    ];
    for (cmd, data, expected) in cases {
        assert_eq!(answer_to(&mut rig(), cmd, data), expected, "{cmd} {data:?}");
    }
}

#[test]
fn encoded_replies_share_a_buffer() {
    let mut rig = rig();
    let mut buffers = vec![];
    for len in [12, 3, 0, 1] {
        let expected = Answer::Reply((0..len).collect());
        assert_eq!(answer_to(&mut rig, ENCODED, &[len]), expected, "{len}");
        buffers.push(rig.env.tools.message.as_ptr());
    }
    assert_eq!(buffers, [buffers[0]; 4]);
}

#[test]
fn a_predicate_decides_who_may_call_a_route() {
    let log_in = |rig: &mut Rig, role_id| {
        let identity = Identity { role_id, ..Identity::default() };
        rig.conn.record.log_in(Login { identity, kind: ClientKind::Operator, ..Login::default() });
    };
    let mut rig = rig();
    assert_eq!(answer_to(&mut rig, FOR_SEVEN, b"any"), Answer::Refusal(3));
    log_in(&mut rig, 8);
    assert_eq!(answer_to(&mut rig, FOR_SEVEN, b"any"), Answer::Refusal(4));
    assert_eq!(rig.conn.record.bad_req_count(), 2);
    log_in(&mut rig, 7);
    assert_eq!(answer_to(&mut rig, FOR_SEVEN, b"any"), Answer::Reply(b"any".to_vec()));
    assert_eq!(rig.conn.record.bad_req_count(), 2);
    assert_eq!(answer_to(&mut rig, ASK_AND_PANIC, b"any"), Answer::Close(1011));
}
