//! The frame codec: header parse, masking, decoding, assembly, encoding.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::frame::{
    Decoder, Event, Opcode, Role, Rules, apply_mask, push_frame, push_masked_frame, server_header,
};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const MAX_LEN: usize = 512 * 1024;
const SERVER: Rules = Rules { role: Role::Server, max_len: MAX_LEN, text: true, deflate: false };
const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };
/// From a heartbeat to the longest message.
const SIZES: [usize; 6] = [5, 64, 125, 1500, 65_536, MAX_LEN];

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 % 251) as u8).collect()
}

/// Decodes `wire` and gives the length of the messages in it.
fn decode(decoder: &mut Decoder, wire: &mut [u8], rules: &Rules) -> usize {
    let mut input = wire;
    let mut total = 0;
    while let Ok(Some(event)) = decoder.next(&mut input, rules) {
        if let Event::Message { payload, .. } = event {
            total += payload.len();
        }
    }
    total
}

/// A frame that is not masked, whole: nothing touches its payload, so this is the header alone.
fn parse_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/header");
    group.throughput(Throughput::Elements(1));
    for (form, size) in [("7-bit", 125), ("16-bit", 1500), ("64-bit", 65_536)] {
        let mut wire = Vec::new();
        push_frame(&mut wire, Opcode::Binary, &bytes(size));
        let mut decoder = Decoder::new();
        assert_eq!(decode(&mut decoder, &mut wire, &CLIENT), size);
        group.bench_function(form, |bencher| {
            bencher.iter(|| decode(&mut decoder, black_box(&mut wire), &CLIENT));
        });
    }
    group.finish();
}

/// Unmasking beside what no unmasking can pass, a copy, and what everyone writes first.
fn unmask(criterion: &mut Criterion) {
    let obvious = |payload: &mut [u8], key: [u8; 4]| {
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[index % 4];
        }
    };
    let mut group = criterion.benchmark_group("frame/unmask");
    for size in SIZES {
        let plain = bytes(size);
        let mut payload = plain.clone();
        apply_mask(&mut payload, KEY);
        assert!(payload != plain);
        obvious(&mut payload, KEY);
        assert_eq!(payload, plain);

        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("apply_mask", size), |bencher| {
            bencher.iter(|| apply_mask(black_box(&mut payload), black_box(KEY)));
        });
        group.bench_function(BenchmarkId::new("obvious", size), |bencher| {
            bencher.iter(|| obvious(black_box(&mut payload), black_box(KEY)));
        });
        group.bench_function(BenchmarkId::new("memcpy", size), |bencher| {
            bencher.iter(|| black_box(&mut payload).copy_from_slice(black_box(&plain)));
        });
    }
    group.finish();
}

/// Whole masked frames, in place.
///
/// Decoding unmasks the wire in place, so that each round finds it masked or plain by turns: the
/// work is the same.
fn decode_messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame/decode");
    for size in SIZES {
        // Small messages come many in one read.
        let count = (16_384 / size).clamp(1, 256);
        let mut wire = Vec::new();
        for _ in 0..count {
            push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &bytes(size));
        }
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
    let payload = bytes(LEN);
    let mut group = criterion.benchmark_group("frame/assemble");
    group.throughput(Throughput::Bytes(LEN as u64));
    for size in [64, 1024, 16_384] {
        let mut wire = Vec::new();
        for (index, fragment) in payload.chunks(size).enumerate() {
            let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
            push_masked_frame(&mut wire, (index + 1) * size == LEN, opcode, KEY, fragment);
        }
        let mut decoder = Decoder::new();
        assert_eq!(decode(&mut decoder, &mut wire, &SERVER), LEN);
        group.bench_function(BenchmarkId::new("fragments", size), |bencher| {
            bencher.iter(|| decode(&mut decoder, black_box(&mut wire), &SERVER));
        });
    }
    for size in [1460, 16_384] {
        let mut wire = Vec::new();
        push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &payload);
        let mut decoder = Decoder::new();
        let mut in_pieces = |wire: &mut [u8]| -> usize {
            wire.chunks_mut(size).map(|piece| decode(&mut decoder, piece, &SERVER)).sum()
        };
        assert_eq!(in_pieces(&mut wire), LEN);
        group.bench_function(BenchmarkId::new("pieces", size), |bencher| {
            bencher.iter(|| in_pieces(black_box(&mut wire)));
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
    }
    group.finish();
}

criterion_group!(benches, parse_header, unmask, decode_messages, assemble, encode);
criterion_main!(benches);
