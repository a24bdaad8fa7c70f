//! The timer wheel with a timer for each of 100,000 connections: arming, arming anew, and the time that
//! passes.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::Moment;
use sysconn::internals::{Step, Wheel};

const TIMERS: usize = 100_000;
/// How far ahead timers are armed: like the read timers of clients that are heard now and then.
const SPREAD_MS: u64 = 60_000;

/// A deadline for a slot, in no order that anybody guesses.
fn deadline(slot: usize, from_ms: u64) -> Moment {
    Moment::from_ms(from_ms + 1 + slot as u64 * 2_654_435_761 % SPREAD_MS)
}

fn armed() -> Wheel {
    let mut wheel = Wheel::new();
    for slot in 0..TIMERS {
        wheel.arm(slot, deadline(slot, 0));
    }
    wheel
}

fn arm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/100000 timers");
    group.throughput(Throughput::Elements(TIMERS as u64));
    group.bench_function("arm", |bencher| {
        let unarmed = || {
            let mut wheel = armed();
            (0..TIMERS).for_each(|slot| wheel.disarm(slot));
            wheel
        };
        bencher.iter_batched(
            unarmed,
            |mut wheel| {
                for slot in 0..TIMERS {
                    wheel.arm(slot, deadline(slot, 0));
                }
                wheel
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("arm anew", |bencher| {
        let mut wheel = armed();
        let mut from_ms = 0;
        bencher.iter(|| {
            from_ms = (from_ms + 7) % SPREAD_MS;
            for slot in 0..TIMERS {
                wheel.arm(slot, deadline(slot, from_ms));
            }
            black_box(wheel.next_at())
        });
    });
    group.finish();
}

/// One millisecond passes: what is due is armed anew, as by connections that are still heard.
fn tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/100000 timers");
    group.bench_function("tick of 1 ms, what is due armed anew", |bencher| {
        let mut wheel = armed();
        let (mut now_ms, mut expired) = (0, 0u64);
        bencher.iter(|| {
            now_ms += 1;
            let now = Moment::from_ms(now_ms);
            loop {
                match wheel.step(now) {
                    Step::Expired(slot) => {
                        expired += 1;
                        wheel.arm(slot, Moment::from_ms(now_ms + SPREAD_MS));
                    }
                    Step::Moved => {}
                    Step::Idle => break,
                }
            }
        });
        assert!(expired > 0 || now_ms < SPREAD_MS);
    });
    group.bench_function("tick of 1 ms, nothing due", |bencher| {
        // All of them come after a week.
        let mut wheel = Wheel::new();
        for slot in 0..TIMERS {
            wheel.arm(slot, deadline(slot, 7 * 24 * 60 * 60 * 1000));
        }
        let mut now_ms = 0;
        bencher.iter(|| {
            now_ms += 1;
            let mut steps = 0;
            while wheel.step(Moment::from_ms(now_ms)) != Step::Idle {
                steps += 1;
            }
            steps
        });
    });
    group.finish();
}

criterion_group!(benches, arm, tick);
criterion_main!(benches);
