//! Inflation in bounded slices, and the order in which connections get an inflater.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::pool::MAX_LONG;
use super::*;
use crate::id::ConnectionId;

const MAX_LEN: usize = 1 << 20;

/// `bits` repeated to `len` bytes, filled from the lowest bit to the highest.
fn repeated(bits: &str, len: usize) -> Vec<u8> {
    let bits = bits.as_bytes();
    (0..len)
        .map(|byte| (0..8).fold(0, |sum, bit| sum | (bits[(byte * 8 + bit) % bits.len()] - b'0') << bit))
        .collect()
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![], Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The number of bytes that went in and came out of a slice.
type InOut = (usize, usize);

/// The bytes of each slice, and the final result.
fn slices(format: Format, input: &[u8], max_len: usize) -> (Vec<InOut>, Result<Vec<u8>, Fault>) {
    let mut inflater = Inflater::new();
    inflater.begin(format, &[]);
    let (mut taken, mut out, mut seen) = (0, vec![], vec![]);
    loop {
        let before = (taken, out.len());
        let slice = inflater.slice(input, &mut taken, &mut out, &[], max_len);
        seen.push((taken - before.0, out.len() - before.1));
        match slice {
            Ok(Slice::Unfinished) => assert!(out.capacity() <= max_len + 1),
            Ok(Slice::Done) => return (seen, Ok(out)),
            Err(fault) => return (seen, Err(fault)),
        }
    }
}

#[test]
fn no_slice_is_long_for_any_input() {
    // An empty block with codes of up to ten bits, one with fixed codes, and a stored one.
    let codes = concat!(
        "001000000000001110000001101100010010010010010010000010000010001100001100111111111011100001101010",
        "00100110101011110011011110111111110010000",
    );
    let nothing = [0, 0, 0, 0xff, 0xff].repeat(20_000);
    let cases: [(&str, Vec<u8>, usize); 6] = [
        ("codes that nothing is coded by", repeated(codes, 100_000), 20),
        ("fixed blocks of nothing", [repeated("0100000000", 100_000), vec![3, 0]].concat(), 20),
        ("stored blocks of nothing", [nothing, vec![3, 0]].concat(), 20),
        ("final blocks of nothing", [3, 0].repeat(10_000), 50),
        ("zeros", deflated(&vec![0; MAX_LEN]), 16),
        (
            "text of two letters",
            deflated(&(0..MAX_LEN).map(|i| ((i * i) >> 7) as u8 & 1).collect::<Vec<_>>()),
            16,
        ),
    ];
    for (name, input, at_least) in cases {
        let (seen, _) = slices(Format::Message, &input, MAX_LEN);
        assert!(seen.len() >= at_least, "{name}: {} slices", seen.len());
        for &(read, written) in &seen {
            assert!(read <= 4096 && written <= 80 * 1024, "{name}: {read} bytes to {written}");
        }
        // But each makes progress.
        let (read, written) = seen[0];
        assert!(read >= 100 || written >= 32 * 1024, "{name}: {read} bytes to {written}");
    }
}

#[test]
fn input_costs_as_well_as_output() {
    for ((input, output), expected) in [
        ((0, 0), 0),
        ((15, 511), 0),
        ((16, 0), 1),
        ((0, 512), 1),
        ((4096, 65_536), 384),
        ((usize::MAX, 0), u32::MAX),
    ] {
        assert_eq!(frames(input, output), expected, "{input} bytes to {output}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slices_inflate_to_the_whole_input(
        seed in prop::collection::vec(any::<u8>(), 1..3000),
        repeat in 1..200usize,
        level in 0..10u32,
        is_zlib in any::<bool>(),
        cut in 0..4usize,
        spare in 0..2usize,
    ) {
        let plain = seed.repeat(repeat);
        let format = if is_zlib { Format::Zlib } else { Format::Message };
        let mut input = if is_zlib {
            let mut encoder = ZlibEncoder::new(vec![], Compression::new(level));
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        } else {
            let mut encoder = DeflateEncoder::new(vec![], Compression::new(level));
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        };
        input.truncate(input.len() - cut.min(input.len()));
        // A limit one byte below the length is exceeded.
        let (seen, result) = slices(format, &input, plain.len() - spare);
        prop_assert!(seen.iter().all(|(read, written)| *read <= 4096 && *written <= 80 * 1024), "{:?}", seen);
        match result {
            Ok(out) => prop_assert!(out == plain && cut == 0 && spare == 0),
            Err(Fault::TooLong) => prop_assert_eq!(spare, 1),
            Err(Fault::Broken) => prop_assert!(cut > 0),
        }
    }
}

#[test]
fn the_connection_that_has_waited_longest_gets_the_next_inflater() {
    let id = |slot| ConnectionId::new(0, slot, 1);
    let mut inflaters = Inflaters::default();
    let mut first: Vec<_> = (0..MAX_LONG).map(|slot| id(slot as u32)).collect();
    for (at, &id) in first.iter().enumerate() {
        // A new inflater, or one that continues with its message.
        let has_one =
            if at % 2 == 0 { inflaters.take_or_wait(id).is_some() } else { inflaters.keep_short_or_wait(id) };
        assert!(has_one);
    }
    for slot in [20, 10, 30] {
        let has_one = if slot == 10 {
            inflaters.keep_short_or_wait(id(slot))
        } else {
            inflaters.take_or_wait(id(slot)).is_some()
        };
        assert!(!has_one && inflaters.of(id(slot)).is_none());
    }
    assert_eq!((inflaters.in_use(), inflaters.call_next()), (MAX_LONG + 3, None));
    // Short messages need none of these.
    inflaters.short().begin(Format::Message, &[]);
    inflaters.give_back(first.remove(1));
    // No connection gets ahead of the waiting ones.
    assert!(inflaters.take_or_wait(id(40)).is_none());
    assert_eq!((inflaters.call_next(), inflaters.call_next()), (Some(id(20)), None));
    assert!(inflaters.of(id(20)).is_some());
    // One of the two that have ended was next.
    let gone = first.remove(0);
    inflaters.reclaim(|id| id != gone);
    assert_eq!(inflaters.call_next(), Some(id(10)));
    inflaters.give_back(id(10));
    assert_eq!([inflaters.call_next(), inflaters.call_next()], [Some(id(30)), None]);
    inflaters.give_back(id(20));
    assert_eq!([inflaters.call_next(), inflaters.call_next()], [Some(id(40)), None]);
    inflaters.reclaim(|_| false);
    assert_eq!((inflaters.in_use(), inflaters.call_next()), (0, None));
    assert!(inflaters.take_or_wait(id(1)).is_some());
}
