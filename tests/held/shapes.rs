//! Ways to make a server hold as much memory as possible.

use std::io::Write as _;
use std::net::TcpStream;

use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, FlushCompress};
use sysconn::config::DeflateMode;
use sysconn::frame::Opcode;

use crate::common::{UPGRADE, frame, join, message, packet, part};
use crate::ground::{BURST, DEFER, ECHO, Ground, SINK};

type Shape = (&'static str, DeflateMode, fn(&mut Ground));

const MAX_LEN: usize = sysconn::config::MAX_LEN;
const OFF: DeflateMode = DeflateMode::Off;

/// 15 bytes or fewer, before or behind the upgrade.
pub(crate) const SMALL: &[(&str, bool, &[u8])] = &[
    ("the beginning of a request", false, b"GET /chat HTTP/"),
    ("no request", false, b"\0"),
    ("a header of 512 KiB, and a byte", true, &[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 0, 1, 2, 3, 4, 5]),
    ("a fragment of 512 KiB, and a byte", true, &[0x02, 0xff, 0, 0, 0, 0, 0, 8, 0, 0, 1, 2, 3, 4, 5]),
    ("half a header", true, &[0x82, 0xff, 0, 0, 0]),
    ("an empty fragment", true, &[0x02, 0x80, 1, 2, 3, 4]),
    ("two empty fragments", true, &[0x02, 0x80, 1, 2, 3, 4, 0x00, 0x80, 1, 2, 3, 4]),
    ("a fragment of 9 bytes", true, &[0x02, 0x89, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("a Ping that lacks a byte", true, &[0x89, 0x8a, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("a short packet", true, &[0x82, 0x81, 0, 0, 0, 0, 0]),
    // Command 1199 of no module, in a whole packet.
    ("an unknown command", true, &[0x82, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x04, 0xaf]),
    ("a deferred request", true, &[0x82, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x05, 0x17]),
    ("a violation", true, &[0xff; 15]),
    ("a Close", true, &[0x88, 0x80, 1, 2, 3, 4]),
];

pub(crate) const SHAPES: &[Shape] = &[
    ("a request without its end", OFF, |ground| {
        let mut client = ground.raw();
        ground.send(&mut client, &UPGRADE[..UPGRADE.len() - 2]);
        let line = format!("X: {}\r\n", "a".repeat(8192 - UPGRADE.len() - 5));
        ground.send(&mut client, &line.as_bytes()[..line.len() - 1]);
        finish(ground, client);
    }),
    ("a message but for its last byte", OFF, |ground| {
        let mut client = ground.client();
        ground.send(&mut client, but_last(&packet(SINK, 1, &[7; MAX_LEN - 9])));
        finish(ground, client);
    }),
    ("the same, and then a full outbox", OFF, |ground| {
        let mut client = ground.client();
        ground.send(&mut client, but_last(&packet(SINK, 1, &[7; MAX_LEN - 9])));
        ground.fill(100);
        finish(ground, client);
    }),
    ("fragments of 8 bytes", OFF, |ground| {
        let mut client = ground.client();
        ground.send(&mut client, &fragments(8, MAX_LEN));
        ground.fill(60_000);
        finish(ground, client);
    }),
    ("large fragments, and more behind a full outbox", OFF, |ground| {
        let mut client = bulky(ground);
        ground.send(&mut client, &fragments(1000, MAX_LEN - 100_000));
        ground.fill(100);
        ground.send(&mut client, &part(false, Opcode::Continuation, &[7; 1000]).repeat(600));
        finish(ground, client);
    }),
    ("small fragments, and more behind a full outbox", OFF, |ground| {
        let mut client = bulky(ground);
        ground.send(&mut client, &fragments(16, 265_000));
        ground.fill(100);
        ground.send(&mut client, &part(false, Opcode::Continuation, &[7; 16]).repeat(40_000));
        finish(ground, client);
    }),
    ("fragments that waited for a reply, with a full outbox", OFF, |ground| {
        for size in [16, 200, 1000, 1020] {
            let mut client = bulky(ground);
            ground.send(&mut client, &packet(DEFER, 1, b""));
            ground.send(&mut client, &fragments(size, MAX_LEN));
            // Each turn takes as many frames as it may of what waits.
            ground.answer();
            ground.fill(100);
            finish(ground, client);
            ground.let_all_go();
        }
    }),
    ("the same, with pushes that are held one by one", OFF, |ground| {
        for size in [1010, 1100, 2000, 4000, 9000] {
            let mut client = bulky(ground);
            ground.send(&mut client, &packet(DEFER, 1, b""));
            ground.send(&mut client, &fragments(1000, MAX_LEN));
            ground.answer();
            ground.fill(size);
            finish(ground, client);
            ground.let_all_go();
        }
    }),
    ("much behind a request whose reply is owed, with a full outbox", OFF, |ground| {
        let mut client = bulky(ground);
        ground.send(&mut client, &packet(DEFER, 1, b""));
        ground.fill(100);
        ground.send(&mut client, &packet(ECHO, 1, &[7; 1000]).repeat(2000));
        finish(ground, client);
    }),
    ("replies of 19 bytes that are not read", OFF, |ground| {
        let mut client = ground.client();
        for _ in 0..20 {
            ground.send(&mut client, &packet(BURST, 1, &0u32.to_be_bytes()));
        }
        finish(ground, client);
    }),
    ("replies of 512 KiB that are not read", OFF, |ground| {
        let mut client = ground.client();
        for _ in 0..20 {
            ground.send(&mut client, &packet(ECHO, 1, &[7; MAX_LEN - 9]));
        }
        finish(ground, client);
    }),
    ("bursts, of which all is read but a little, again and again", OFF, |ground| {
        let mut client = ground.client();
        for size in [0u32, 100, 1000, 30_000, 250_000, 500_000] {
            for read in [300_000, 600_000, 900_000, 1_000_000] {
                ground.send(&mut client, &packet(BURST, 1, &size.to_be_bytes()).repeat(3));
                ground.read(&mut client, read);
                ground.send(&mut client, &packet(BURST, 1, &size.to_be_bytes()));
            }
        }
        finish(ground, client);
    }),
    ("the same with Pings in between", OFF, |ground| {
        let mut client = ground.client();
        for size in [0u32, 100, 1000, 30_000, 500_000] {
            for read in [300_000, 600_000, 900_000, 1_000_000] {
                ground.send(
                    &mut client,
                    &join(&[&packet(BURST, 1, &size.to_be_bytes()), &frame(Opcode::Ping, &[1; 125])]),
                );
                ground.read(&mut client, read);
                ground.send(&mut client, &frame(Opcode::Ping, &[1; 125]).repeat(1000));
                ground.read(&mut client, 5_000);
                ground.send(&mut client, &packet(BURST, 1, &size.to_be_bytes()));
            }
        }
        finish(ground, client);
    }),
    ("pushes, of which all is read but a little, again and again", OFF, |ground| {
        let mut client = ground.client();
        for size in [100, 1100, 60_000, 500_000] {
            for read in [300_000, 700_000, 1_000_000] {
                ground.fill(size);
                ground.read(&mut client, read);
                ground.fill(size);
            }
        }
        finish(ground, client);
    }),
    ("Pings that are not read", OFF, |ground| {
        let mut client = ground.client();
        ground.send(&mut client, &frame(Opcode::Ping, &[1; 125]).repeat(20_000));
        finish(ground, client);
    }),
    ("a violation behind all that", OFF, |ground| {
        let mut client = bulky(ground);
        ground.send(&mut client, &fragments(1000, MAX_LEN - 10_000));
        ground.fill(100);
        ground.send(&mut client, &join(&[&part(false, Opcode::Continuation, &[7; 10_001]), &[0xff; 1000]]));
        finish(ground, client);
    }),
    ("compressed, without its end, by itself", DeflateMode::Shared, compressed),
    ("compressed, without its end, with windows", DeflateMode::Dedicated, compressed),
    ("bombs just under the limit, by themselves", DeflateMode::Shared, bombs),
    ("bombs just under the limit, with windows", DeflateMode::Dedicated, bombs),
    ("compressed replies that are not read", DeflateMode::Dedicated, |ground| {
        let mut client = ground.raw();
        ground.upgrade_compressing(&mut client);
        // What does not compress takes the most memory.
        let mut seed = 1u32;
        let data: Vec<u8> = (0..500_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        for _ in 0..10 {
            ground.send(&mut client, &packet(ECHO, 1, &data));
        }
        finish(ground, client);
    }),
];

/// All has been done that there was to do; the client stays.
fn finish(ground: &mut Ground, client: TcpStream) {
    ground.settle();
    ground.keep(client);
}

fn but_last(bytes: &[u8]) -> &[u8] {
    bytes.split_last().unwrap().1
}

/// A client whose last message was a large one, so that much is read from it at once.
fn bulky(ground: &mut Ground) -> TcpStream {
    let mut client = ground.client();
    ground.send(&mut client, &packet(SINK, 1, &[7; 400_000]));
    client
}

/// So many bytes of a message in fragments, and no last one.
fn fragments(size: usize, len: usize) -> Vec<u8> {
    let more = part(false, Opcode::Continuation, &vec![7; size]).repeat(len / size - 1);
    join(&[&part(false, Opcode::Binary, &vec![7; size]), &more])
}

/// A compressed message in one frame.
fn compressed_frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(Opcode::Binary, payload);
    bytes[0] |= 0x40;
    bytes
}

fn pack(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut packed = Vec::with_capacity(message.len() + 1024);
    compress.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
    packed.truncate(packed.len() - 4);
    packed
}

fn compressed(ground: &mut Ground) {
    let mut client = ground.raw();
    ground.upgrade_compressing(&mut client);
    // Windows for both directions, where there are any.
    ground.send(&mut client, &compressed_frame(&pack(&message(ECHO, 1, 0, &[7; 100_000]))));
    let mut bytes = fragments(1000, MAX_LEN);
    bytes[0] |= 0x40;
    ground.send(&mut client, &bytes);
    ground.fill(100);
    finish(ground, client);
}

fn bombs(ground: &mut Ground) {
    let mut client = ground.raw();
    ground.upgrade_compressing(&mut client);
    let mut encoder = DeflateEncoder::new(vec![], Compression::best());
    encoder.write_all(&message(ECHO, 1, 0, &[0; MAX_LEN - 9])).unwrap();
    let bomb = join(&[&encoder.finish().unwrap(), &[0]]);
    ground.send(&mut client, &compressed_frame(&bomb).repeat(50));
    finish(ground, client);
}
