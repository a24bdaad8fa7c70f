//! Runs a range of seeds, and prints the sum of their figures.

use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sysconn::sim::{Failure, Report};

use crate::hide_expected_panics;
use crate::plan::Plan;

/// The seeds that are run by default.
const FEW: Range<u64> = 0..20;
/// The least number of faults that a seed has on average.
const MIN_FAULTS: u64 = 1000;
/// One of so many of the seeds is run over several workers too.
const OVER_WORKERS: u64 = 4;
/// The number of failures after which no more seeds are tried.
const MAX_FAILURES: usize = 20;

/// The seeds in `SYSCONN_SEEDS`, or the default.
pub(crate) fn requested_seeds() -> Range<u64> {
    let Ok(seeds) = env::var("SYSCONN_SEEDS") else { return FEW };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("SYSCONN_SEEDS={seeds}: no seeds"));
    match seeds.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&seeds)..number(&seeds) + 1,
    }
}

/// The first ones of these seeds, of which it takes one in `part`.
pub(crate) fn part_of(seeds: &Range<u64>, part: u64) -> Range<u64> {
    seeds.start..seeds.start + seeds.end.saturating_sub(seeds.start).div_ceil(part)
}

/// Runs a plan. A panic outside of handlers is a failure too.
fn run(plan: &Plan) -> Result<Report, String> {
    match catch_unwind(AssertUnwindSafe(|| plan.run())) {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(_) => {
            Err(format!("seed {} with {} clients: a panic", plan.simulation.seed, plan.simulation.clients))
        }
    }
}

/// Halves the number of clients while the plan still fails. Returns the last failure.
fn shrink(plan: &Plan, failure: String) -> String {
    let mut shown = failure;
    let mut clients = plan.simulation.clients / 2;
    while clients > 0 {
        match run(&plan.with_clients(clients)) {
            Ok(_) => break,
            Err(failure) => shown = failure,
        }
        clients /= 2;
    }
    shown
}

#[derive(Default)]
struct Results {
    report: Report,
    failures: Vec<String>,
}

fn run_all(seeds: Range<u64>, test: &str, plan: impl Fn(u64) -> Plan + Sync) -> Results {
    let next = AtomicU64::new(seeds.start);
    let results = Mutex::new(Results::default());
    let threads = env::var("SYSCONN_THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(2);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let plan = plan(seed);
                    let result = run(&plan).map_err(|failure| {
                        let shrunk = shrink(&plan, failure.clone());
                        println!("{failure}\n  with fewer clients: {shrunk}\n  again: {}", again(seed, test));
                        failure
                    });
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(report) => results.report.add(&report),
                        Err(failure) => results.failures.push(failure),
                    }
                    if results.failures.len() >= MAX_FAILURES {
                        break;
                    }
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn again(seed: u64, test: &str) -> String {
    let command = "cargo test --manifest-path tests/simulation/Cargo.toml";
    format!("SYSCONN_SEEDS={seed} {command} {test} -- --nocapture")
}

/// Runs the plans of these seeds for the test of that name. All must hold.
fn check_all(seeds: &Range<u64>, test: &str, plan: impl Fn(u64) -> Plan + Sync) {
    hide_expected_panics();
    let count = seeds.end.saturating_sub(seeds.start);
    let Results { report, failures } = run_all(seeds.clone(), test, plan);
    println!("seeds {seeds:?}: {} failures\n{report}", failures.len());
    assert!(failures.is_empty(), "{} of {count} seeds failed; the first: {}", failures.len(), failures[0]);
    if count >= 100 {
        let faults = report.faults.total();
        assert!(faults >= MIN_FAULTS * count, "only {faults} faults in {count} seeds");
    }
}

#[test]
fn all_seeds_hold_all_invariants() {
    check_all(&requested_seeds(), "all_seeds_hold_all", Plan::new);
}

#[test]
fn seeds_hold_all_invariants_over_several_workers() {
    check_all(&part_of(&requested_seeds(), OVER_WORKERS), "over_several_workers", |seed| {
        Plan::new(seed).with_workers()
    });
}

#[test]
fn the_same_seed_is_the_same_simulation() {
    hide_expected_panics();
    let mut traces = vec![];
    for seed in 0..10 {
        let plan = Plan::new(seed);
        let plan = if seed < 5 { plan } else { plan.with_workers() };
        let [first, second] = [plan.run(), plan.run()];
        let trace = |result: &Result<Report, Failure>| result.as_ref().map_or(0, |report| report.trace);
        assert_eq!(first, second, "seed {seed}");
        traces.push(trace(&first));
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 10, "seeds differ");
}
