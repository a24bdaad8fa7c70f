//! The example of a game under simulation passes for a few seeds.

#[allow(dead_code, reason = "its main function runs more seeds than a test needs")]
#[path = "../../examples/simulation.rs"]
mod simulation;

#[test]
fn the_example_passes() {
    for seed in 1..=5 {
        match simulation::run(seed) {
            Ok(report) => {
                assert!(report.replies > 0 && report.faults.total() > 0, "seed {seed} shows nothing")
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}
