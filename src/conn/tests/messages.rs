//! A service without packets, and compressed messages.

use super::*;

pub(super) fn echo_message(
    _: &mut State,
    message: crate::router::Message<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    match message.payload {
        b"panic" => panic!("by the test"),
        payload => context.send_message(message.kind, payload).map_or(Outcome::Done, |()| Outcome::Done),
    }
}

fn echoing(change: impl FnOnce(&mut Config), request: &[u8]) -> Rig {
    let mut rig = Rig::new(change);
    rig.env.service = Service::Messages(echo_message);
    rig.feed(request);
    rig
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn messages_of_both_kinds_are_echoed_and_counted() {
    let mut rig = echoing(|_| {}, UPGRADE);
    let large = vec![b'x'; 100_000];
    let sent = [(Opcode::Text, "né".as_bytes()), (Opcode::Binary, &[0xff]), (Opcode::Binary, &large)];
    for (opcode, payload) in sent {
        rig.frame(opcode, payload);
    }
    let expected = [
        (MessageKind::Text, false, "né".as_bytes().to_vec()),
        (MessageKind::Binary, false, vec![0xff]),
        (MessageKind::Binary, false, large),
    ];
    assert_eq!(rig.messages, expected);
    let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
    assert_eq!((record.recv_count(), record.send_count()), (3, 3));
    assert_eq!((totals.packets_received, totals.packets_sent), (3, 3));
    rig.frame(Opcode::Text, b"panic");
    assert_eq!(rig.closes(), [(0, "close 1011")]);
}

#[test]
fn packets_are_binary() {
    let mut rig = Rig::open(|_| {});
    rig.frame(Opcode::Text, b"text");
    assert_eq!(rig.closes(), [(0, "close 1003")]);
    assert_eq!(rig.conn.record.recv_count(), 0);
}

#[test]
fn a_message_that_does_not_fit_the_outbox_is_not_sent() {
    let mut rig = echoing(
        |config| {
            config.limits.max_len = 1000;
            config.output.outbox_limit = Some(2000);
            config.output.overflow = crate::config::Overflow::Drop;
        },
        UPGRADE,
    );
    rig.takes = false;
    for len in [996, 996, 1] {
        rig.frame(Opcode::Binary, &vec![0; len]);
        // A client that is held back is not read from.
        rig.conn.take_inbox().inspect(|_| ());
    }
    let record = &rig.conn.record;
    assert_eq!((record.send_count(), record.error_send()), (2, 0));
    assert_eq!(rig.conn.outbox.queued(), 2000, "to the last byte");
}

#[cfg(feature = "deflate")]
pub(super) mod deflate {
    use super::*;
    use crate::config::DeflateMode;

    pub(in super::super) const OFFER: &[u8] =
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    pub(in super::super) fn shared(config: &mut Config) {
        config.output.deflate = DeflateMode::Shared;
        config.output.deflate_above = 20;
    }

    /// A message as a client compresses it (RFC 7692 §7.2.1).
    fn deflated(plain: &[u8]) -> Vec<u8> {
        use flate2::{Compress, Compression, FlushCompress};
        let mut out = Vec::with_capacity(plain.len() + 100);
        let mut compressor = Compress::new(Compression::default(), false);
        compressor.compress_vec(plain, &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        out
    }

    fn inflated(payload: &[u8]) -> Vec<u8> {
        use flate2::{Decompress, FlushDecompress};
        let mut out = Vec::with_capacity(1_000_000);
        let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
        Decompress::new(false).decompress_vec(&whole, &mut out, FlushDecompress::Sync).unwrap();
        out
    }

    /// A masked frame with RSV1.
    pub(in super::super) fn compressed_frame(opcode: u8, plain: &[u8]) -> Vec<u8> {
        let payload = deflated(plain);
        let mut frame = vec![0xc0 | opcode, 0xfe];
        if payload.len() < 126 {
            frame[1] = 0x80 | payload.len() as u8;
        } else {
            frame.extend((payload.len() as u16).to_be_bytes());
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    #[test]
    fn with_the_extension_messages_are_inflated_and_long_ones_compressed() {
        let mut rig = echoing(shared, OFFER);
        let text = "né".repeat(100);
        rig.feed(&compressed_frame(1, text.as_bytes()));
        rig.feed(&compressed_frame(2, &[7; 20]));
        rig.feed(&compressed_frame(2, &[7; 19]));
        rig.frame(Opcode::Binary, &[7; 300]);
        let seen: Vec<_> = rig
            .messages
            .iter()
            .map(|(kind, is_compressed, payload)| {
                (*kind, *is_compressed, if *is_compressed { inflated(payload) } else { payload.clone() })
            })
            .collect();
        let expected = [
            (MessageKind::Text, true, text.into_bytes()),
            (MessageKind::Binary, true, vec![7; 20]),
            (MessageKind::Binary, false, vec![7; 19]),
            (MessageKind::Binary, true, vec![7; 300]),
        ];
        assert_eq!(seen, expected);
        assert!(rig.messages[0].2.len() < 50 && rig.messages[3].2.len() < 50);
    }

    #[test]
    fn packets_are_compressed_as_whole_messages() {
        let mut rig = Rig::new(shared);
        rig.feed(OFFER);
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status: 0, flag: 5, cmd: ECHO, data: &[7; 500] });
        rig.feed(&compressed_frame(2, &packet));
        let [(MessageKind::Binary, true, payload)] = &rig.messages[..] else { panic!("{:?}", rig.seen) };
        let message = inflated(payload);
        let reply = Reply::parse(&message).unwrap();
        assert_eq!((reply.cmd, reply.flag, reply.data), (ECHO, 5, &[7; 500][..]));
        assert_eq!(rig.conn.record.send_count(), 1);
        // The header counts towards the least length for compression.
        rig.request(ECHO, &[7; 8]);
        rig.request(ECHO, &[7; 9]);
        let compressed: Vec<_> =
            rig.messages[1..].iter().map(|(_, is_compressed, _)| *is_compressed).collect();
        assert_eq!(compressed, [false, true]);
    }

    #[test]
    fn housekeeping_frees_the_compressor_of_an_idle_client_and_messages_go_on() {
        use flate2::{Decompress, FlushDecompress};
        let change = |config: &mut Config| {
            shared(config);
            config.output.deflate = DeflateMode::Dedicated;
            (config.timers.read, config.timers.client_check) = (None, None);
            config.timers.account_check = None;
        };
        let mut rig = echoing(change, OFFER);
        let mut client = Decompress::new(false);
        let text = b"a text that resembles none of the others";
        let mut echo = |rig: &mut Rig| {
            rig.messages.clear();
            rig.frame(Opcode::Binary, text);
            let [(MessageKind::Binary, true, payload)] = &rig.messages[..] else { panic!("{:?}", rig.seen) };
            let mut out = Vec::with_capacity(1000);
            let whole = [payload, &[0, 0, 0xff, 0xff][..]].concat();
            client.decompress_vec(&whole, &mut out, FlushDecompress::Sync).unwrap();
            assert_eq!(out, text);
            payload.len()
        };
        let first = echo(&mut rig);
        assert!(echo(&mut rig) < 10, "it refers back");
        // The message came before the first round, so it is idle in the second.
        rig.pass_until(180_000);
        assert!(echo(&mut rig) < 10, "it still refers back");
        rig.pass_until(360_000);
        assert!(echo(&mut rig) < 10, "it was used in between");
        rig.pass_until(720_000);
        assert_eq!(echo(&mut rig), first, "it begins anew");
        assert!(echo(&mut rig) < 10);
    }

    #[test]
    fn a_message_that_does_not_inflate_or_was_not_negotiated_closes() {
        let bomb = compressed_frame(2, &vec![0; 600_000]);
        let limit = compressed_frame(2, &vec![0; 524_288]);
        let cases = [
            (OFFER, limit, None),
            (OFFER, bomb, Some("close 1009")),
            (OFFER, compressed_frame(1, &[0xff, 0xff]), Some("close 1007")),
            (OFFER, compressed_frame(2, &[0xff, 0xff]), None),
            (OFFER, vec![0xc2, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff], Some("close 1002")),
            (UPGRADE, compressed_frame(2, b"ab"), Some("close 1002")),
        ];
        for (at, (request, frame, expected)) in cases.into_iter().enumerate() {
            let mut rig = echoing(shared, request);
            rig.feed(&frame);
            rig.compress();
            let closes: Vec<_> = rig.closes().into_iter().map(|(_, code)| code).collect();
            assert_eq!(closes, expected.into_iter().collect::<Vec<_>>(), "case {at}");
            assert_eq!(rig.messages.len(), usize::from(expected.is_none()), "case {at}");
            assert!(rig.env.inflated.capacity() <= 64 * 1024, "what a large message took is given back");
        }
    }

    #[test]
    fn a_message_whose_worst_case_does_not_fit_is_not_compressed() {
        let mut rig = echoing(
            |config| {
                shared(config);
                config.limits.max_len = 1000;
                config.output.outbox_limit = Some(2000);
                config.output.overflow = crate::config::Overflow::Drop;
            },
            OFFER,
        );
        rig.takes = false;
        for _ in 0..5 {
            rig.frame(Opcode::Binary, &[7; 990]);
        }
        let record = &rig.conn.record;
        assert_eq!((record.send_count(), record.error_send()), (5, 0), "{} bytes", rig.conn.outbox.queued());
        // As much as may be queued while the server still reads.
        rig.conn.outbox.push_shared(vec![0; 1000 - rig.conn.outbox.queued()].into());
        rig.frame(Opcode::Binary, &[7; 990]);
        assert_eq!((rig.conn.record.send_count(), rig.conn.record.error_send()), (5, 1));
    }
}
