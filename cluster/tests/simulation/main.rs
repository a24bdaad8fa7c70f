//! Three nodes on a network that loses, doubles, reorders and cuts, by seed.
//!
//! `SYSCONN_SEEDS=0..10000` chooses the seeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod forger;
mod game;
mod limits;
mod lines;
mod random;
mod rules;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use check::{CONVERGED_MS, check, expected};
use world::{Fate, Plan, World};

/// The seeds that are run by default.
const FEW: Range<u64> = 0..50;

fn requested_seeds() -> Range<u64> {
    let Ok(seeds) = std::env::var("SYSCONN_SEEDS") else { return FEW };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("SYSCONN_SEEDS={seeds}: no seeds"));
    match seeds.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&seeds)..number(&seeds) + 1,
    }
}

/// Runs a plan, and checks what holds after all faults have ended. Returns how many connections were
/// replaced.
fn run(plan: Plan, settled_ms: u64) -> usize {
    let mut world = World::new(plan);
    world.run();
    world.heal();
    let expected = expected(&world);
    world.run_for(settled_ms);
    check(&mut world, &expected);
    world.logins.iter().filter(|login| matches!(login.fate, Fate::Replaced(_))).count()
}

fn run_all(test: &str, settled_ms: u64, plan: impl Fn(u64) -> Plan) {
    let (seeds, mut replaced) = (requested_seeds(), 0);
    for seed in seeds.clone() {
        match catch_unwind(AssertUnwindSafe(|| run(plan(seed), settled_ms))) {
            Ok(count) => replaced += count,
            Err(_) => {
                panic!("again: SYSCONN_SEEDS={seed} cargo test -p sysconn-cluster --test simulation {test}")
            }
        }
    }
    println!("seeds {seeds:?}: {replaced} connections were replaced, and every invariant held");
    assert!(replaced as u64 > seeds.end - seeds.start, "the seeds try nothing");
}

/// Nodes are killed, hang, are cut off and return; 15 s after that all is as it must be.
#[test]
fn nodes_that_fail_converge() {
    run_all("nodes_that_fail", CONVERGED_MS + 2_500, |seed| {
        let events = if seed % 4 == 0 { 400 } else { 120 };
        Plan { seed, events, nodes_fail: true, bad_of_1000: 500 }
    });
}

/// Whatever was lost, doubled and reordered: one digest of each node puts it right.
#[test]
fn one_digest_repairs_any_loss() {
    run_all("one_digest", 10_200, |seed| {
        let bad_of_1000 = [1000, 900, 300][seed as usize % 3];
        Plan { seed, events: 60, nodes_fail: false, bad_of_1000 }
    });
}
