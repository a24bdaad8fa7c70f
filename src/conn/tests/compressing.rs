//! Replies compressed slice by slice: their output, its order, and the connection's end.

mod charges;

use flate2::{Decompress, FlushDecompress};

use super::messages::deflate::OFFER;
use super::*;
use crate::config::{DeflateMode, Overflow};
use crate::packet::REPLY_HEADER_BYTES;
use crate::router::SLICE_BYTES;

/// All ways to compress a reply: the length above which its Data is compressed, and the mode for messages.
const WAYS: [(usize, DeflateMode); 5] = [
    (100, DeflateMode::Off),
    (0, DeflateMode::Shared),
    (0, DeflateMode::Dedicated),
    (100, DeflateMode::Shared),
    (100, DeflateMode::Dedicated),
];

fn compressing((compress_above, deflate): (usize, DeflateMode)) -> Rig {
    compressing_with(compress_above, deflate, |_| {})
}

fn compressing_with(compress_above: usize, deflate: DeflateMode, change: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::new(|config| {
        let output = &mut config.output;
        output.compress_above = (compress_above != 0).then_some(compress_above);
        (output.deflate, output.deflate_above) = (deflate, 50);
        change(config);
    });
    rig.feed(OFFER);
    assert!(rig.upgraded);
    rig
}

/// The client's side: decodes the messages that it gets.
struct Unpacker(Option<Decompress>);

impl Unpacker {
    fn new(deflate: DeflateMode) -> Self {
        Unpacker((deflate == DeflateMode::Dedicated).then(|| Decompress::new(false)))
    }

    fn message(&mut self, is_compressed: bool, payload: &[u8]) -> Vec<u8> {
        if !is_compressed {
            return payload.to_vec();
        }
        let mut own = Decompress::new(false);
        let window = self.0.as_mut().unwrap_or(&mut own);
        let (whole, mut out) = ([payload, &[0, 0, 0xff, 0xff]].concat(), Vec::with_capacity(1 << 20));
        let before = window.total_in();
        window.decompress_vec(&whole, &mut out, FlushDecompress::Sync).unwrap();
        assert_eq!(window.total_in() - before, whole.len() as u64, "all of it");
        out
    }

    /// DataStatus and Data of each packet.
    fn packets(&mut self, rig: &Rig) -> Vec<(u8, Vec<u8>)> {
        let unpack = |(_, is_compressed, payload): &(MessageKind, bool, Vec<u8>)| {
            let message = self.message(*is_compressed, payload);
            let reply = Reply::parse(&message).unwrap();
            let mut data = reply.data.to_vec();
            if reply.data_status == 1 {
                data = Vec::with_capacity(1 << 20);
                let mut zlib = Decompress::new(true);
                let status = zlib.decompress_vec(reply.data, &mut data, FlushDecompress::Finish);
                assert!(matches!(status, Ok(flate2::Status::StreamEnd)) && reply.data.len() < data.len());
            }
            (reply.data_status, data)
        };
        rig.messages.iter().map(unpack).collect()
    }
}

/// Text that compresses well.
fn text(len: usize) -> Vec<u8> {
    (0..).flat_map(|number: u32| format!("line {number}, ").into_bytes()).take(len).collect()
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Replies with as much text as each number of the request says, or noise if the number is negative.
fn reply_with_each(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    for number in request.data().chunks(4) {
        let len = i32::from_be_bytes(number.try_into().unwrap());
        let data = if len < 0 { noise(-len as usize) } else { text(len as usize) };
        let _ = context.try_reply(&data);
    }
    Outcome::Done
}

fn ask(rig: &mut Rig, lens: &[i32]) {
    rig.call(&lens.iter().flat_map(|len| len.to_be_bytes()).collect::<Vec<u8>>(), reply_with_each);
}

/// The expected replies.
fn expected(lens: &[i32], compress_above: usize) -> Vec<(u8, Vec<u8>)> {
    let packet = |len: &i32| {
        let data = if *len < 0 { noise(-len as usize) } else { text(*len as usize) };
        (u8::from(compress_above != 0 && *len > compress_above as i32), data)
    };
    lens.iter().map(packet).collect()
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn replies_keep_their_order_and_data_however_long_compression_takes() {
    const SLICE: i32 = SLICE_BYTES as i32;
    let orders: [&[&[i32]]; 7] = [
        &[&[SLICE], &[SLICE + 1], &[SLICE - 1]],
        &[&[70_000, 0, 10, 3000], &[7], &[-200], &[50_000]],
        &[&[5], &[-70_000, 20], &[500, -5000]],
        &[&[20, 40_000, 30, 40_000, 3, -40_000, 4, -40_000]],
        &[&[60_000], &[30_000], &[60_000]],
        &[&[99], &[100], &[101], &[-99], &[-100], &[-101]],
        &[&[17_000, 1, 1, 1, 1], &[1, 300, 1, 300, 1, 300, 17_000, 1]],
    ];
    for way in WAYS {
        for (at, requests) in orders.into_iter().enumerate() {
            // Slices come between requests or behind all; the socket takes everything or nothing at first.
            for (slices, takes) in [(0, true), (1, true), (3, true), (0, false), (2, false)] {
                let mut rig = compressing(way);
                rig.takes = takes;
                for lens in requests {
                    ask(&mut rig, lens);
                    let _ = (0..slices).filter(|_| rig.compress_slice()).count();
                }
                rig.compress();
                rig.takes = true;
                rig.write_outbox();
                let case = format!("{way:?}, order {at}, {slices} slices, takes {takes}");
                let lens = requests.concat();
                let packets = Unpacker::new(way.1).packets(&rig);
                assert_eq!(packets.len(), lens.len(), "{case}");
                assert!(packets == expected(&lens, way.0), "{case}: Data or order is wrong");
                let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
                let sent = lens.len() as u64;
                assert_eq!(
                    (record.send_count(), totals.packets_sent, totals.send_errors),
                    (sent, sent, 0),
                    "{case}"
                );
                assert!(rig.conn.outbox.is_empty() && rig.env.tools.leases.in_use() == 0, "{case}");
            }
        }
    }
}

fn bound(config: &mut Config, max_len: usize, outbox_limit: usize) {
    (config.limits.max_len, config.output.outbox_limit) = (max_len, Some(outbox_limit));
}

#[test]
fn a_waiting_reply_counts_as_its_longest_form() {
    // Compressed Data counts with its plain length, a message with what compression may add.
    for (way, fits, not) in [(WAYS[0], 99_979, 99_980), (WAYS[1], 88_000, 89_000), (WAYS[2], 88_000, 89_000)]
    {
        for (len, is_sent) in [(fits, true), (not, false)] {
            let mut rig = compressing_with(way.0, way.1, |config| bound(config, 50_000, 100_000));
            rig.env.settings.overflow = Overflow::Drop;
            ask(&mut rig, &[len]);
            assert_eq!(rig.conn.has_job(), is_sent, "{way:?}, {len}");
            let queued = rig.conn.outbox.queued();
            assert!(if is_sent { queued > 95_000 && queued <= 100_000 } else { queued == 0 }, "{queued}");
            assert_eq!(rig.conn.record.error_send(), u64::from(!is_sent), "{way:?}, {len}");
            // There is no space for a second one of the same handler.
            if is_sent {
                rig.takes = false;
                assert!(!rig.conn.wants_read(&rig.env.settings), "held back past half of it");
                rig.compress();
                assert!(rig.conn.outbox.queued() < 60_000, "corrected: {}", rig.conn.outbox.queued());
                assert!(rig.conn.wants_read(&rig.env.settings));
            }
        }
        let mut rig = compressing_with(way.0, way.1, |config| bound(config, 50_000, 100_000));
        ask(&mut rig, &[60_000, 60_000, 10]);
        rig.compress();
        assert_eq!(rig.conn.record.send_count(), 2, "{way:?}: the second does not fit, the short one does");
        assert_eq!(rig.closes(), [(0, "close 4008")], "{way:?}");
    }
}

#[test]
fn the_longest_echo_fits_the_smallest_outbox_that_may_be_configured() {
    for data in [text(99_991), noise(99_991)] {
        let mut rig = compressing_with(100, DeflateMode::Off, |config| bound(config, 100_000, 100_021));
        rig.request(ECHO, &data);
        rig.compress();
        let packets = Unpacker::new(DeflateMode::Off).packets(&rig);
        assert!(packets.len() == 1 && packets[0].1 == data, "{:?}", rig.seen);
    }
}

#[test]
fn a_close_goes_out_behind_replies_that_are_being_compressed() {
    for way in WAYS {
        let lens = [100_000, 10, 40_000, 70];
        // The server closes, the client closes, or the client ends; before the first slice, or between
        // slices.
        for (at, end) in [
            |rig: &mut Rig| rig.with(|conn, env| conn.close(Cause::Operator, env)),
            |rig: &mut Rig| rig.frame(Opcode::Close, &1000u16.to_be_bytes()),
            |rig: &mut Rig| rig.with(|conn, env| conn.handle_end(env.tools.now)),
            |rig: &mut Rig| rig.request(FAREWELL, &text(20_000)),
        ]
        .into_iter()
        .enumerate()
        {
            for slices in [0, 5] {
                let mut rig = compressing(way);
                ask(&mut rig, &lens);
                (0..slices).for_each(|_| assert!(rig.compress_slice()));
                end(&mut rig);
                assert!(!rig.conn.is_open() && rig.conn.has_job(), "{way:?}");
                rig.compress();
                let expected = expected(&lens, way.0);
                let packets = Unpacker::new(way.1).packets(&rig);
                assert!(packets[..4] == expected[..], "{way:?}, end {at}, {slices} slices");
                let last = rig.seen.last().map(|(_, what)| what.split(' ').next().unwrap_or_default());
                assert_eq!(last, Some(if at == 2 { "packet" } else { "close" }), "{way:?}, end {at}");
                assert_eq!(packets.len(), if at == 3 { 7 } else { 4 });
                let is_compressed = |(_, is_compressed, _): &(MessageKind, bool, Vec<u8>)| *is_compressed;
                let long_ones = rig.messages.iter().filter(|message| message.2.len() > 100);
                assert_eq!(long_ones.clone().all(is_compressed), way.1 != DeflateMode::Off, "{way:?}");
                assert!(rig.conn.outbox.is_empty() && rig.env.tools.leases.in_use() == 0);
            }
        }
    }
}

#[test]
fn an_abort_drops_replies_that_are_being_compressed() {
    for way in WAYS {
        let mut rig = compressing(way);
        ask(&mut rig, &[300_000, 40_000]);
        rig.compress_slice();
        rig.conn.abort(Cause::Reset);
        assert!(!rig.conn.has_job());
        assert_eq!(rig.conn.cause(), Some(Cause::Reset));
        assert!(!rig.with(|conn, env| conn.go_on_compressing(env)));
        let Rig { conn, env, .. } = rig;
        drop(conn);
        assert_eq!(env.tools.leases.in_use(), 0, "its lease is free for others");
    }
}

#[test]
#[cfg_attr(miri, ignore = "files")]
fn the_end_waits_for_a_late_reply_also_in_a_replay() {
    let late = |rig: &mut Rig| {
        ask(rig, &[300_000]);
        rig.with(|conn, env| conn.close(Cause::Operator, env));
    };
    let mut rig = compressing(WAYS[1]);
    let replay = recorded::replay_of(&mut rig, |rig| {
        late(rig);
        rig.pass_until(9000);
        assert_eq!(rig.conn.cause(), None, "it is not the client that is late");
        rig.compress();
        assert_eq!((rig.messages.len(), rig.closes().len()), (1, 1));
        // Two seconds for its Close, and two for its end.
        rig.pass_until(13_500);
        assert_eq!(rig.conn.cause(), Some(Cause::Operator), "from there on it is");
    });
    assert_eq!((replay.difference, replay.end), (None, crate::replay::End::Closed));
    let mut rig = compressing(WAYS[1]);
    let replay = recorded::replay_of(&mut rig, |rig| {
        late(rig);
        rig.pass_until(29_999);
        assert_eq!(rig.conn.cause(), None);
        rig.pass_until(30_000);
        assert_eq!(rig.conn.cause(), Some(Cause::Operator), "but not for ever");
    });
    assert_eq!((replay.difference, replay.end), (None, crate::replay::End::Closed));
}

#[test]
fn pongs_overtake_replies_that_are_being_compressed() {
    for way in WAYS {
        let mut rig = compressing(way);
        rig.frame(Opcode::Ping, b"");
        ask(&mut rig, &[10, 300_000, 10]);
        rig.write_outbox();
        rig.frame(Opcode::Ping, b"");
        rig.write_outbox();
        let seen: Vec<_> = rig.seen[1..].iter().map(|(_, what)| what.split(' ').next().unwrap()).collect();
        assert_eq!(seen, ["pong", "packet", "pong"], "{way:?}");
        rig.takes = false;
        rig.frame(Opcode::Ping, b"");
        rig.frame(Opcode::Ping, b"");
        rig.frame(Opcode::Ping, b"");
        ask(&mut rig, &[5]);
        rig.compress();
        rig.takes = true;
        rig.write_outbox();
        let pongs = rig.seen.iter().filter(|(_, what)| what == "pong").count();
        assert_eq!((pongs, rig.messages.len()), (3, 4), "{way:?}: of those that wait the last");
        assert_eq!(rig.seen[4].1, "pong", "{way:?}: {:?}", rig.seen);
        assert!(Unpacker::new(way.1).packets(&rig) == expected(&[10, 300_000, 10, 5], way.0));
    }
}

#[test]
fn messages_without_packets_are_compressed_in_slices() {
    for mode in [DeflateMode::Shared, DeflateMode::Dedicated] {
        let mut rig = Rig::new(|config| (config.output.deflate, config.output.deflate_above) = (mode, 20));
        rig.env.service = Service::Messages(messages::echo_message);
        rig.feed(OFFER);
        let long = String::from_utf8(text(100_000)).unwrap();
        for payload in [&long, "", "short", &long[..30]] {
            rig.frame(Opcode::Text, payload.as_bytes());
        }
        assert!(rig.conn.has_job());
        rig.compress();
        let mut unpacker = Unpacker::new(mode);
        let texts: Vec<_> =
            rig.messages.iter().map(|(_, packed, text)| unpacker.message(*packed, text)).collect();
        assert_eq!(texts.len(), 4);
        assert!(texts == [long.as_bytes(), b"", b"short", &long.as_bytes()[..30]]);
    }
}

#[test]
fn deferred_replies_are_compressed_in_slices_and_not_charged() {
    for way in WAYS {
        let mut rig = compressing(way);
        for len in [10_000, 100_000] {
            rig.request(DEFER, b"");
            let seq = rig.conn.record.recv_count();
            rig.with(|conn, env| conn.handle_answer(seq, Answer::Reply(text(len)), env));
            assert_eq!(rig.env.tools.effects.cost(), 0);
        }
        assert!(rig.conn.has_job());
        rig.compress();
        assert!(Unpacker::new(way.1).packets(&rig) == expected(&[10_000, 100_000], way.0), "{way:?}");
    }
}
