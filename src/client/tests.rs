//! The client against bytes of a server that are written down.

mod hostile;

use std::io::{self, Cursor, Read, Write};

use super::deadline::Deadline;
use super::error::Ended;
use super::handshake::upgrade;
use super::link::Link;
use super::{Client, ClientError, Offer};
use crate::cause::Reconnect;
use crate::frame::{CloseCode, Opcode, push_close, push_frame};
use crate::packet::{ErrorId, Reply, Request, push_packet};

/// A server that has said all it will say.
#[derive(Debug)]
struct Script {
    input: Cursor<Vec<u8>>,
    output: Vec<u8>,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(input: &[u8]) -> Client<Script> {
    let script = Script { input: Cursor::new(input.to_vec()), output: Vec::new() };
    Client::new(Link::new(script, Vec::new()))
}

fn reply(error_id: u16, data_status: u8, flag: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_packet(&mut bytes, &Reply { error_id: ErrorId(error_id), data_status, flag, cmd: 1101, data });
    bytes
}

fn ended(code: u16, reason: &str) -> Ended {
    Ended { code, reason: reason.to_owned() }
}

#[test]
fn a_call_gets_its_own_reply_and_pushes_wait() {
    let bytes = [reply(0, 0, 0, b"push"), reply(0, 0, 9, b"late"), reply(0, 0, 1, b"mine")].concat();
    let mut client = client(&bytes);
    assert_eq!(client.call(1101, b"").unwrap().data, b"mine");
    assert_eq!((client.push().unwrap().data, client.dropped()), (b"push".to_vec(), 1));
    assert!(matches!(client.push(), Err(ClientError::Ended(end)) if end == ended(1006, "")));
    assert!(matches!(client.call(1101, b""), Err(ClientError::Ended(_))), "an end is for good");
}

#[test]
fn what_the_caller_leaves_unread_is_dropped_in_the_end() {
    let mut bytes = vec![reply(0, 0, 0, b"push"); 300].concat();
    bytes.extend(vec![reply(0, 0, 1, b"reply"); 300].concat());
    bytes.extend(reply(0, 0, 2, b"mine"));
    let mut client = client(&bytes);
    let flags = [client.request(1101, b"").unwrap(), client.request(1101, b"").unwrap()];
    assert_eq!(client.reply(flags[1]).unwrap().data, b"mine");
    assert_eq!(client.dropped(), 44 + 44);
    client.forget(flags[0]);
    assert!(client.try_reply(flags[0]).is_none() && client.try_push().is_some());
}

#[test]
fn flags_wrap_and_skip_0_and_those_in_use() {
    let mut client = client(b"");
    assert_eq!(client.request(1, b"").unwrap(), 1);
    client.set_last_flag(u32::MAX - 1);
    let flags: Vec<_> = (0..3).map(|_| client.request(1, b"").unwrap()).collect();
    assert_eq!(flags, [u32::MAX, 2, 3]);
}

#[test]
fn replies_are_refusals_messages_or_not_understood() {
    for (bytes, expected) in [
        (reply(5, 0, 1, b""), "the server refused it with ErrorID 5"),
        (reply(0, 2, 1, b"?"), "what the server sends is not understood"),
        (reply(0, 1, 1, b"no zlib"), "what the server sends is not understood"),
        (vec![0x82, 1, 0], "what the server sends is not understood"),
        (vec![0x81, 1, b'a'], "what the server sends is not understood"),
    ] {
        assert_eq!(client(&bytes).call(1101, b"").unwrap_err().to_string(), expected, "{bytes:?}");
    }
    assert_eq!(
        client(&reply(0, 1, 1, b"")).call(1101, b"").unwrap().data,
        b"",
        "empty Data is never decoded"
    );
}

#[test]
fn an_offer_is_in_the_request_and_cannot_add_lines() {
    let url = "ws://a/b".parse().unwrap();
    let offer =
        |origin: &str| Offer { origin: Some(origin.to_owned()), subprotocol: Some("x, y".to_owned()) };
    let request = |origin: &str| {
        let mut script = Script { input: Cursor::new(vec![]), output: Vec::new() };
        let error = upgrade(&mut script, &url, &offer(origin), Deadline::after(None)).unwrap_err();
        (String::from_utf8(script.output).unwrap(), error.to_string())
    };
    let (sent, _) = request("https://a.example");
    let expected = "13\r\nOrigin: https://a.example\r\nSec-WebSocket-Protocol: x, y\r\n\r\n";
    assert!(sent.starts_with("GET /b HTTP/1.1\r\nHost: a\r\n") && sent.ends_with(expected), "{sent}");
    assert_eq!(request("a\r\nX: y"), (String::new(), "no value for Origin".to_owned()));
}

#[test]
fn pings_and_closes_are_answered() {
    let mut bytes = Vec::new();
    push_frame(&mut bytes, Opcode::Ping, b"you?");
    push_close(&mut bytes, CloseCode::new(4007), "replaced");
    let mut client = client(&bytes);
    let error = client.push().unwrap_err();
    assert!(matches!(error, ClientError::Ended(end) if end == ended(4007, "replaced")));
    let sent = std::mem::take(&mut client.link.stream.output);
    let opcodes = [sent.first(), sent.get(10)].map(Option::unwrap);
    assert_eq!((opcodes, sent.len()), ([&0x8a, &0x88], 10 + 8));
}

#[test]
fn a_request_is_a_masked_packet() {
    let mut client = client(b"");
    client.post(1101, b"hello").unwrap();
    let sent = &mut client.link.stream.output;
    let (head, payload) = sent.split_at_mut(6);
    assert_eq!(head[..2], [0x82, 0x8e]);
    crate::frame::apply_mask(payload, [head[2], head[3], head[4], head[5]]);
    let expected = Request { data_status: 0, flag: 1, cmd: 1101, data: b"hello" };
    assert_eq!(Request::parse(payload), Ok(expected));
}

#[test]
fn the_advice_is_that_of_the_cause() {
    use Reconnect::{Later, Never, Now};
    for (code, advice) in [
        (1000, Never),
        (1001, Later),
        (1002, Never),
        (1005, Later),
        (1006, Later),
        (1009, Never),
        (1011, Later),
        (1012, Later),
        (4000, Never),
        (4003, Now),
        (4006, Later),
        (4007, Never),
        (4009, Now),
        (4010, Never),
        (4011, Later),
        (4100, Later),
        (4999, Later),
    ] {
        assert_eq!(ended(code, "").advice(), advice, "{code}");
    }
    for (reason, seconds) in [
        ("retry=5", Some(5)),
        ("going away retry=30", Some(30)),
        ("retry=5 now", None),
        ("xretry=5", None),
        ("retry=+5", None),
        ("retry=", None),
        ("retry=99999999999", None),
    ] {
        assert_eq!(ended(1001, reason).retry_seconds(), seconds, "{reason}");
    }
}
