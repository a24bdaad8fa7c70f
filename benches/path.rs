//! The whole path of packets with 32 bytes of Data, 256 in one read: through the layers without I/O, and
//! through a reactor with its system calls and those of its client.

mod work;

use std::hint::black_box;
use std::io::Result;

use criterion::{BatchSize, Criterion, Throughput};
use sysconn::frame::Decoder;
use work::path::{ANSWER_BYTES, PACKETS, Served, answer, wire};

fn pure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    group.throughput(Throughput::Elements(PACKETS as u64));
    let (mut decoder, wire, mut out) = (Decoder::new(), wire(), Vec::new());
    assert_eq!(answer(&mut decoder, &mut wire.clone(), &mut out), ANSWER_BYTES);
    group.bench_function("frame, packet, route, reply", |bencher| {
        let answer = |mut wire: Vec<u8>| {
            assert_eq!(answer(&mut decoder, black_box(&mut wire), &mut out), ANSWER_BYTES);
            wire
        };
        bencher.iter_batched(|| wire.clone(), answer, BatchSize::SmallInput);
    });
    group.finish();
}

fn reactor(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("path");
    group.throughput(Throughput::Elements(PACKETS as u64));
    let mut served = Served::new()?;
    assert_eq!(served.round()?, ANSWER_BYTES);
    group.bench_function("a turn of a reactor", |bencher| bencher.iter(|| served.round()));
    group.finish();
    Ok(())
}

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    pure(&mut criterion);
    reactor(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
