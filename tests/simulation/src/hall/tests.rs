//! Runs a range of seeds.

use sysconn::sim::Report;

use super::run;
use crate::hide_expected_panics;
use crate::seeds::{part_of, requested_seeds};

/// One of so many of the seeds is run.
const OF_SEEDS: u64 = 8;

#[test]
fn topics_reach_who_must_get_them_and_nobody_else() {
    hide_expected_panics();
    let (mut sum, mut publishes) = (Report::default(), 0);
    let seeds = part_of(&requested_seeds(), OF_SEEDS);
    let count = seeds.end - seeds.start;
    for seed in seeds.clone() {
        let (report, received) = run(seed).unwrap_or_else(|failure| panic!("{failure}"));
        sum.add(&report);
        publishes += received;
    }
    println!("topics, seeds {seeds:?}: {publishes} publishes received\n{sum}");
    assert!(publishes > 500 * count, "only {publishes} publishes were received");
}

#[test]
fn the_same_seed_publishes_the_same() {
    hide_expected_panics();
    for seed in 0..4 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
