//! The HTTP handshake: find the end of the head, check it, write the answer.

mod work;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use work::heads::{ACCEPT, BROWSER, SMALL, long, scan, upgrade};

fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upgrade");
    for (name, head) in [("small", SMALL.to_owned()), ("browser", BROWSER.to_owned()), ("64 lines", long())] {
        let head = head.as_bytes();
        let mut out = Vec::new();
        assert_eq!(scan(head), Ok(Some(head.len())));
        assert_eq!(upgrade(head, &mut out), Ok(Some(head.len())));
        assert!(out.ends_with(ACCEPT));
        group.throughput(Throughput::Bytes(head.len() as u64));
        group.bench_function(format!("{name}/scan"), |bencher| bencher.iter(|| scan(black_box(head))));
        group.bench_function(format!("{name}/whole"), |bencher| {
            bencher.iter(|| upgrade(black_box(head), &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
