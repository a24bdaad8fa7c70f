//! The example of a game under simulation holds for a few seeds.
#![cfg(feature = "sim")]

#[allow(dead_code, reason = "its main function runs more seeds than a test has to")]
#[path = "../examples/simulation.rs"]
mod simulation;

#[test]
fn the_bank_keeps_its_promises() {
    for seed in 1..=5 {
        match simulation::run(seed) {
            Ok(report) => {
                assert!(report.replies > 0 && report.faults.total() > 0, "seed {seed} shows nothing")
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}
