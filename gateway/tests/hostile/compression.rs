//! Compressed messages: bombs, garbage, and floods that cost more than their length suggests.

use std::io::Write as _;

use flate2::write::{DeflateEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress};

use crate::common::{Client, Frame, frame, join, upgrade_of};
use crate::frames::header;
use crate::stage::{Case, Random, Setup, Stage, play};
use sysconn::frame::{Opcode, push_masked_frame};

#[test]
fn compression() {
    play(CASES);
}

const SHARED: Setup = Setup::Echo(&["--deflate", "shared"]);
const DEDICATED: Setup = Setup::Echo(&["--deflate", "dedicated"]);
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
static CHUNK: [u8; 1 << 20] = [0; 1 << 20];

/// A zlib stream of `len` zeros.
pub(crate) fn zlib_bomb(len: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::best());
    (0..len.div_ceil(CHUNK.len())).for_each(|_| encoder.write_all(&CHUNK).unwrap());
    encoder.finish().unwrap()
}

/// A compressed message of `len` zeros.
fn bomb(len: usize) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![], Compression::best());
    let mut left = len;
    while left > 0 {
        encoder.write_all(&CHUNK[..left.min(CHUNK.len())]).unwrap();
        left -= left.min(CHUNK.len());
    }
    let mut bytes = encoder.finish().unwrap();
    // After a final block nothing remains to be flushed: an empty stored block, without its tail.
    bytes.push(0);
    bytes
}

fn compressed(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let (kind, key) = (if opcode == 1 { Opcode::Text } else { Opcode::Binary }, [1, 2, 3, 4]);
    push_masked_frame(&mut bytes, fin, kind, key, payload);
    bytes[0] |= 0x40;
    bytes
}

/// A client with which compression was agreed on.
fn agreed(stage: &Stage) -> Client {
    let mut client = stage.raw();
    client.send(&upgrade_of("/", OFFER));
    let head = client.read_head();
    assert!(head.contains("permessage-deflate"), "{head}");
    client.allow_deflate();
    client
}

fn closes(stage: &Stage, name: &str, bytes: &[u8], code: u16) {
    let mut client = agreed(stage);
    // The Close can come before all is sent.
    let _ = client.stream.write_all(bytes);
    client.expect_close(code, name);
}

fn bombs(stage: &Stage) {
    for len in [524_289, 300_000 * 10, 30 << 20, 300 << 20] {
        let bomb = bomb(len);
        let grown = stage.grown(|| closes(stage, "a bomb", &compressed(2, true, &bomb), 1009));
        assert!(grown < 4 << 20, "{len}: {grown}");
        let (first, last) = bomb.split_at(bomb.len() / 2);
        let mut end = frame(Opcode::Continuation, last);
        end[0] = 0x80;
        closes(stage, "in fragments", &join(&[&compressed(2, false, first), &end]), 1009);
    }
    let mut client = agreed(stage);
    client.send(&compressed(2, true, &bomb(524_288)));
    assert!(matches!(client.next(), Frame::Compressed(_) | Frame::Binary(_)));
}

fn misplaced(stage: &Stage) {
    for (name, bytes) in [
        ("on a Ping", header(&[0xc9, 0x80])),
        ("on a Close", header(&[0xc8, 0x80])),
        ("on a continuation", join(&[&compressed(2, false, b""), &header(&[0xc0, 0x80])])),
        ("on a continuation of what is not", join(&[&header(&[0x02, 0x80]), &header(&[0x40, 0x80])])),
        ("RSV2 too", header(&[0xe2, 0x80])),
    ] {
        closes(stage, name, &bytes, 1002);
    }
}

fn garbage(stage: &Stage) {
    let mut random = Random(3);
    let truncated = {
        let mut compress = Compress::new(Compression::default(), false);
        let mut packed = Vec::with_capacity(1000);
        compress.compress_vec(&random.bytes(300), &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() / 2);
        packed
    };
    for payload in
        [vec![0xff; 20], vec![0x07, 0x07], b"\xf2\x48\xff\xff\xff\xff\xff".to_vec(), truncated, vec![0x06]]
    {
        closes(stage, &payload.escape_ascii().to_string(), &compressed(2, true, &payload), 1002);
    }
    closes(stage, "no text", &compressed(1, true, b"\x00\x01\x00\xfe\xff\xff\x00"), 1007);
    for _ in 0..200 {
        let len = random.below(300);
        let mut client = agreed(stage);
        client.send(&compressed(2, true, &random.bytes(len)));
        client.shutdown_write();
        while client.next() != Frame::End {}
    }
}

/// Many messages that inflate to the most that is allowed, in one write: others are served in between.
fn amplified(stage: &Stage) {
    let mut client = agreed(stage);
    let unit = compressed(2, true, &bomb(524_288));
    client.send(&unit.repeat(100));
    stage.witness();
    for _ in 0..100 {
        assert!(matches!(client.next(), Frame::Compressed(_) | Frame::Binary(_)));
    }
}

/// Empty ones, of one byte and of none.
fn minimal(stage: &Stage) {
    let mut client = agreed(stage);
    client.send(&compressed(2, true, b"\0").repeat(2000));
    for _ in 0..2000 {
        assert!(matches!(client.next(), Frame::Compressed(_) | Frame::Binary(_)));
    }
    let mut client = agreed(stage);
    client.send(&compressed(2, true, b""));
    client.shutdown_write();
    while client.next() != Frame::End {}
}

pub(crate) const CASES: &[Case] = &[
    Case::new("df-01", SHARED, bombs),
    Case::new("df-02", SHARED, misplaced),
    Case::new("df-03", SHARED, garbage),
    Case::new("x-39", SHARED, amplified),
    Case::new("x-40", SHARED, minimal),
    Case::new("df-01", DEDICATED, bombs),
    Case::new("df-02", DEDICATED, misplaced),
    Case::new("df-03", DEDICATED, garbage),
    Case::new("x-39", DEDICATED, amplified),
    Case::new("x-40", DEDICATED, minimal),
];
