//! Packet headers: read from a message, and appended to the write buffer in a frame of their own.

mod work;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::packet::{REPLY_HEADER_BYTES, Reply, Request};
use work::packets::{emit, message, reply, request};

const SIZES: [usize; 4] = [0, 64, 1500, 70_000];

/// Does not touch Data, so its throughput is in packets.
fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet/parse");
    group.throughput(Throughput::Elements(1));
    for size in SIZES {
        let data = vec![7; size];
        let message = message(&data);
        assert_eq!(Request::parse(&message), Ok(request(&data)));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| Request::parse(black_box(&message)));
        });
    }
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet/emit");
    for size in SIZES {
        let data = vec![7; size];
        let reply = reply(&data);
        let mut out = Vec::new();
        let header = emit(&mut out, &reply).checked_sub(REPLY_HEADER_BYTES + size);
        let payload = header.and_then(|header| out.get(header..));
        assert_eq!(payload.map(Reply::parse), Some(Ok(reply)));
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| emit(&mut out, black_box(&reply)));
        });
    }
    group.finish();
}

criterion_group!(benches, parse, write);
criterion_main!(benches);
