//! Packet headers: read from a message, and appended to the write buffer in a frame of their own.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::packet::{ErrorId, REPLY_HEADER_BYTES, Reply, Request, push_packet, push_request};

const SIZES: [usize; 4] = [0, 64, 1500, 70_000];

/// Does not touch Data, so it is counted in packets.
fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet/parse");
    group.throughput(Throughput::Elements(1));
    for size in SIZES {
        let data = vec![7; size];
        let request = Request { data_status: 0, flag: 42, cmd: 1101, data: &data };
        let mut message = Vec::new();
        push_request(&mut message, &request);
        assert_eq!(Request::parse(&message), Ok(request));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| Request::parse(black_box(&message)));
        });
    }
    group.finish();
}

fn emit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet/emit");
    for size in SIZES {
        let data = vec![7; size];
        let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 42, cmd: 1101, data: &data };
        let mut out = Vec::new();
        push_packet(&mut out, &reply);
        let payload = out.len().checked_sub(REPLY_HEADER_BYTES + size).and_then(|header| out.get(header..));
        assert_eq!(payload.map(Reply::parse), Some(Ok(reply)));
        group.throughput(Throughput::Bytes(out.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                out.clear();
                push_packet(&mut out, black_box(&reply));
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, emit);
criterion_main!(benches);
