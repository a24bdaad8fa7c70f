//! The frame codec: header parse, masking, decoding, assembly, encoding.

mod work;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::frame::{Decoder, Opcode, apply_mask, push_frame, server_header};
use work::frames::{
    CLIENT, KEY, MAX_LEN, SERVER, bytes, cache_line, decode, decode_in_pieces, fragmented, masked,
    unmask_obviously, unmasked,
};

/// From a heartbeat to the longest message.
const SIZES: [usize; 6] = [5, 64, 125, 1500, 65_536, MAX_LEN];
/// Offsets from the beginning of a cache line; beyond 16 bytes the results repeat.
const ALIGNMENTS: usize = 16;

/// A frame whose payload is not touched, for each form of its length; the masked one has no payload.
fn parse_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/header");
    group.throughput(Throughput::Elements(1));
    for (form, mut wire, rules, size) in [
        ("7-bit", unmasked(125), CLIENT, 125),
        ("16-bit", unmasked(1500), CLIENT, 1500),
        ("64-bit", unmasked(65_536), CLIENT, 65_536),
        ("7-bit and key", masked(1, 0), SERVER, 0),
    ] {
        let mut decoder = Decoder::new();
        assert_eq!(decode(&mut decoder, &mut wire, &rules), size);
        assert!(decoder.is_idle());
        group.bench_function(form, |bencher| {
            bencher.iter(|| decode(&mut decoder, black_box(&mut wire), &rules));
        });
    }
    group.finish();
}

/// An implementation of unmasking, or a substitute for comparison.
type Unmask = fn(&mut [u8], &[u8]);

/// Unmasking beside a copy, which is the lower limit, and the obvious loop.
const WAYS: [(&str, Unmask); 3] = [
    ("apply_mask", |payload, _| apply_mask(payload, black_box(KEY))),
    ("obvious", |payload, _| unmask_obviously(payload, black_box(KEY))),
    ("memcpy", |payload, plain| payload.copy_from_slice(plain)),
];

/// At the beginning of a cache line, and at every other alignment in turn.
fn unmask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/unmask");
    for size in SIZES {
        let plain = bytes(size);
        let mut buffer = vec![0; 64 + ALIGNMENTS + size];
        let line = cache_line(&buffer);
        let mut at_each = |offsets: usize, way: Unmask| {
            for offset in line..line + offsets {
                way(black_box(&mut buffer[offset..offset + size]), black_box(&plain));
            }
        };
        group.throughput(Throughput::Bytes(size as u64));
        for (name, way) in WAYS {
            group.bench_function(BenchmarkId::new(name, size), |bencher| bencher.iter(|| at_each(1, way)));
        }
        group.throughput(Throughput::Bytes((ALIGNMENTS * size) as u64));
        for (name, way) in WAYS {
            group.bench_function(BenchmarkId::new(format!("{name}, all alignments"), size), |bencher| {
                bencher.iter(|| at_each(ALIGNMENTS, way));
            });
        }
        for offset in line..line + ALIGNMENTS {
            let payload = &mut buffer[offset..offset + size];
            payload.copy_from_slice(&plain);
            apply_mask(payload, KEY);
            assert!(payload != plain);
            unmask_obviously(payload, KEY);
            assert_eq!(payload, plain);
        }
    }
    group.finish();
}

/// Whole masked frames, in place.
fn decode_messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/decode");
    for size in SIZES {
        // Small messages come many in one read.
        let count = (16_384 / size).clamp(1, 256);
        let mut wire = masked(count, size);
        let mut decoder = Decoder::new();
        assert_eq!(decode(&mut decoder, &mut wire, &SERVER), count * size);
        assert_eq!(decoder.held_bytes(), 0);
        group.throughput(Throughput::Bytes((count * size) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{count}x{size}")), |bencher| {
            bencher.iter(|| decode(&mut decoder, black_box(&mut wire), &SERVER));
        });
    }
    group.finish();
}

/// One message of 64 KiB: in fragments, and in pieces as reads cut it.
fn assemble(criterion: &mut Criterion) {
    const LEN: usize = 65_536;
    let mut group = criterion.benchmark_group("frame/assemble");
    group.throughput(Throughput::Bytes(LEN as u64));
    let whole = usize::MAX;
    for (name, wire, read) in [
        ("fragments/64", fragmented(LEN, 64), whole),
        ("fragments/1024", fragmented(LEN, 1024), whole),
        ("fragments/16384", fragmented(LEN, 16_384), whole),
        ("pieces/1460", masked(1, LEN), 1460),
        ("pieces/16384", masked(1, LEN), 16_384),
    ] {
        let mut decoder = Decoder::new();
        assert_eq!(decode_in_pieces(&mut decoder, &mut wire.clone(), read), LEN);
        group.bench_function(name, |bencher| {
            // Copies, since short fragments can be decoded only once.
            let decode = |wire: &mut Vec<u8>| decode_in_pieces(&mut decoder, black_box(wire), read);
            bencher.iter_batched_ref(|| wire.clone(), decode, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/encode");
    for size in SIZES {
        let payload = bytes(size);
        let mut out = Vec::with_capacity(size + 16);
        let mut encode = |payload: &[u8]| {
            out.clear();
            push_frame(&mut out, Opcode::Binary, payload);
            out.len()
        };
        let header = server_header(Opcode::Binary, true, size as u64).len();
        assert_eq!(encode(&payload), header + size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| encode(black_box(&payload)));
        });
        assert!(out.ends_with(&payload));
    }
    group.finish();
}

criterion_group!(benches, parse_header, unmask, decode_messages, assemble, encode);
criterion_main!(benches);
