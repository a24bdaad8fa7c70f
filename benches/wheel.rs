//! The timer wheel with a timer for each of 100,000 connections: arming, rearming, and advancing the time.

mod work;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::Moment;
use work::timers::{A_WEEK_MS, SPREAD_MS, TIMERS, arm_all, armed, expected, tick, unarmed};

fn arm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/100000 timers");
    group.throughput(Throughput::Elements(TIMERS as u64));
    group.bench_function("arm", |bencher| {
        let arm = |mut wheel| {
            arm_all(&mut wheel, 0);
            assert_ne!(wheel.next_at(), Moment::NEVER);
            wheel
        };
        bencher.iter_batched(unarmed, arm, BatchSize::LargeInput);
    });
    group.bench_function("arm anew", |bencher| {
        let mut wheel = armed(0);
        let mut from_ms = 0;
        bencher.iter(|| {
            from_ms = (from_ms + 7) % SPREAD_MS;
            arm_all(&mut wheel, from_ms);
            black_box(wheel.next_at())
        });
        assert!(wheel.next_at() <= Moment::from_ms(from_ms + 1), "the first comes a millisecond later");
    });
    group.finish();
}

/// One millisecond passes.
fn pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/100000 timers");
    group.throughput(Throughput::Elements(1));
    group.bench_function("tick of 1 ms, what is due armed anew", |bencher| {
        let mut wheel = armed(0);
        let (mut now_ms, mut expired) = (0, 0);
        bencher.iter(|| {
            now_ms += 1;
            expired += tick(&mut wheel, now_ms);
        });
        assert_eq!(expired, expected(now_ms));
    });
    group.bench_function("tick of 1 ms, nothing due", |bencher| {
        let mut wheel = armed(A_WEEK_MS);
        let (mut now_ms, mut expired) = (0, 0);
        bencher.iter(|| {
            now_ms += 1;
            expired += tick(&mut wheel, now_ms);
        });
        assert_eq!(expired, 0);
    });
    group.finish();
}

criterion_group!(benches, arm, pass);
criterion_main!(benches);
