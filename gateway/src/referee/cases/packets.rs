//! Group 1: packets, their headers, their encoding, and how they come over the wire.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sysconn::frame::{Opcode, server_header};
use sysconn::packet::REPLY_HEADER_BYTES;

use super::super::message::{Command, Event, hex};
use super::super::peer::{frame, packet};
use super::super::stage::{CMD, Judged, Stage};
use super::{Unnumbered, bytes, case};

/// Lengths around those where headers change, of packets and of frames.
const LENGTHS: [usize; 8] = [0, 1, 116, 117, 65_524, 65_534, 65_535, 65_536];
/// The first two bytes behind the header of a frame are the ErrorID, the next two the DataSize.
const DATA_SIZE_AT: usize = 2;

pub(super) fn cases() -> Vec<Unnumbered> {
    vec![
        case("requests", "sends Data of many lengths under a right header", requests),
        case("replies", "takes Data of many lengths", replies),
        case("commands", "sends and takes any command", commands),
        case("posts", "sends packets that are not answered, in order", posts),
        case("to-the-end", "takes DataSize 65535 for the rest of the message", to_the_end),
        case("mismatch", "takes no packet whose DataSize is wrong", mismatch),
        case("truncated", "takes no message that is shorter than a header", truncated),
        case("fragments", "joins fragments, and answers a Ping between them", fragments),
        case("bytewise", "takes a packet that comes byte by byte", bytewise),
        case("together", "takes many packets that come at once, in order", together),
        case("zlib", "inflates Data with DataStatus 1", zlib),
        case("zlib-empty", "does not decode empty Data", zlib_empty),
        case("zlib-corrupt", "takes no Data that does not inflate", zlib_corrupt),
        case("unknown-status", "takes no Data with a DataStatus above 2", unknown_status),
        case("deflate", "sends and takes compressed messages, if it offers permessage-deflate", deflate),
        case("deflate-fragments", "joins the fragments of a compressed message", deflate_fragments),
    ]
}

fn requests(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    for (id, len) in (1..).zip(LENGTHS) {
        let data = bytes(len);
        stage.call(id, CMD, &data)?;
        let flag = peer.request_of(CMD, &data)?;
        peer.reply(CMD, flag, b"")?;
        stage.expect_reply(id, b"")?;
    }
    Ok(())
}

fn replies(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    for (id, len) in (1..).zip(LENGTHS) {
        stage.call(id, CMD, b"?")?;
        let flag = peer.request_of(CMD, b"?")?;
        peer.reply(CMD, flag, &bytes(len))?;
        stage.expect_reply(id, &bytes(len))?;
    }
    Ok(())
}

fn commands(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    for (id, cmd) in (1..).zip([1, 255, 256, 1101, u16::MAX]) {
        stage.call(id, cmd, b"?")?;
        let flag = peer.request_of(cmd, b"?")?;
        peer.push(cmd, b"push")?;
        peer.reply(cmd, flag, b"!")?;
        stage.expect_push(cmd, b"push")?;
        stage.expect_reply(id, b"!")?;
    }
    Ok(())
}

fn posts(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.expect_open()?;
    for index in 0..20 {
        stage.tell(&Command::Post { cmd: CMD, data: hex(&[index]) })?;
    }
    for index in 0..20 {
        peer.request_of(CMD, &[index])?;
    }
    Ok(())
}

/// Makes one call, and answers it with these bytes, in which a placeholder stands for its Flag.
fn answer_with(stage: &mut Stage<'_>, answer: impl Fn(u32) -> Vec<u8>, expected: &[u8]) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.send(&[answer(flag)])?;
    stage.expect_reply(1, expected)
}

/// Makes one call, and answers it with what is no packet: the call must not get a reply.
fn answer_wrongly(stage: &mut Stage<'_>, answer: impl Fn(u32) -> Vec<u8>) -> Judged {
    const SHORT_MS: u32 = 200;
    let mut peer = stage.connect(stage.settings())?;
    stage.call_within(1, CMD, b"?", SHORT_MS)?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.send(&[answer(flag)])?;
    match stage.event()? {
        Event::Timeout { id: 1 } | Event::Ended { id: 1, .. } => Ok(()),
        event => Err(format!("expected that the call fails, not {}", event.brief())),
    }
}

/// A reply whose DataSize is replaced.
fn sized(flag: u32, data: &[u8], size: u16) -> Vec<u8> {
    let mut message = message_of(packet(0, 0, flag, CMD, data));
    if let Some(field) = message.get_mut(DATA_SIZE_AT..DATA_SIZE_AT + 2) {
        field.copy_from_slice(&size.to_be_bytes());
    }
    frame(Opcode::Binary, &message)
}

/// The message in a frame of at most 125 bytes.
fn message_of(frame: Vec<u8>) -> Vec<u8> {
    frame.get(2..).unwrap_or_default().to_vec()
}

fn to_the_end(stage: &mut Stage<'_>) -> Judged {
    answer_with(stage, |flag| sized(flag, b"short", u16::MAX), b"short")
}

fn mismatch(stage: &mut Stage<'_>) -> Judged {
    for size in [0, 4, 6, 65_534] {
        answer_wrongly(stage, |flag| sized(flag, b"short", size))?;
        stage.end()?;
    }
    Ok(())
}

fn truncated(stage: &mut Stage<'_>) -> Judged {
    for len in [0, 1, REPLY_HEADER_BYTES - 1] {
        answer_wrongly(stage, |flag| {
            let message = message_of(packet(0, 0, flag, CMD, b""));
            frame(Opcode::Binary, message.get(..len).unwrap_or_default())
        })?;
        stage.end()?;
    }
    Ok(())
}

fn fragments(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    let message = message_of(packet(0, 0, flag, CMD, b"fragments"));
    let (first, rest) = message.split_at(5);
    let (second, third) = rest.split_at(8);
    let part =
        |opcode, fin, payload: &[u8]| [&*server_header(opcode, fin, payload.len() as u64), payload].concat();
    peer.send(&[part(Opcode::Binary, false, first), part(Opcode::Continuation, false, b"")])?;
    peer.send(&[frame(Opcode::Ping, b"between"), part(Opcode::Continuation, false, second)])?;
    peer.expect_pong(b"between")?;
    peer.send(&[part(Opcode::Continuation, true, third)])?;
    stage.expect_reply(1, b"fragments")
}

fn bytewise(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.send_bytewise(&packet(0, 0, flag, CMD, &bytes(200)))?;
    stage.expect_reply(1, &bytes(200))
}

fn together(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.expect_open()?;
    let pushes: Vec<_> = (0..100).map(|index| packet(0, 0, 0, CMD, &[index])).collect();
    peer.send(&pushes)?;
    (0..100).try_for_each(|index| stage.expect_push(CMD, &[index]))
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector never fails.
    let _ = encoder.write_all(data);
    encoder.finish().unwrap_or_default()
}

fn zlib(stage: &mut Stage<'_>) -> Judged {
    let data = bytes(100_000);
    answer_with(stage, |flag| packet(0, 1, flag, CMD, &deflated(&data)), &data)
}

fn zlib_empty(stage: &mut Stage<'_>) -> Judged {
    answer_with(stage, |flag| packet(0, 1, flag, CMD, b""), b"")
}

fn zlib_corrupt(stage: &mut Stage<'_>) -> Judged {
    let whole = deflated(&bytes(1000));
    let cut = whole.get(..whole.len() / 2).unwrap_or_default();
    for data in [&b"this is no zlib stream"[..], cut] {
        answer_wrongly(stage, |flag| packet(0, 1, flag, CMD, data))?;
        stage.end()?;
    }
    Ok(())
}

fn unknown_status(stage: &mut Stage<'_>) -> Judged {
    answer_wrongly(stage, |flag| packet(0, 3, flag, CMD, b"what is this?"))
}

/// Long enough to be compressed, and short enough that three of it fit any window.
const WORDS: &[u8] = b"again and again and again and again and again";

fn deflate(stage: &mut Stage<'_>) -> Judged {
    const LONG: [u8; 2000] = [b'a'; 2000];
    let mut peer = stage.connect_deflated()?;
    // The second refers back to the first.
    for id in [1, 2] {
        stage.call(id, CMD, &LONG)?;
        let flag = peer.request_of(CMD, &LONG)?;
        peer.send_compressed(&message_of(packet(0, 0, flag, CMD, WORDS)), 1)?;
        stage.expect_reply(id, WORDS)?;
    }
    stage.call(3, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.reply(CMD, flag, b"not compressed")?;
    stage.expect_reply(3, b"not compressed")
}

fn deflate_fragments(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect_deflated()?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.send_compressed(&message_of(packet(0, 0, flag, CMD, WORDS)), 3)?;
    stage.expect_reply(1, WORDS)
}
