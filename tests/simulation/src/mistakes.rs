//! Whether a mistake in the library is found. `tests/mutants` (`-- named`) puts one there, and says which
//! invariant it breaks.

use std::env;

use sysconn::sim::Failure;

use crate::hall;
use crate::hide_expected_panics;
use crate::plan::Plan;

/// Seeds in which a mistake can hide.
const SEEDS: u64 = 400;
const CLIENTS: u32 = 100;

#[test]
#[ignore = "needs a library with a mistake: tests/mutants runs it"]
fn is_found_by_its_invariant() {
    look_for(|seed| Plan::new(seed).with_clients(CLIENTS).run().err());
}

#[test]
#[ignore = "needs a library with a mistake: tests/mutants runs it"]
fn is_found_in_the_hall() {
    look_for(|seed| hall::run(seed).err());
}

/// Looks for a seed that fails, and compares the invariant with the one that was announced.
fn look_for(run: impl Fn(u64) -> Option<Failure>) {
    hide_expected_panics();
    let invariant = env::var("SYSCONN_INVARIANT").unwrap();
    let failure = (0..SEEDS).find_map(run);
    let failure = failure.unwrap_or_else(|| panic!("no seed shows the mistake"));
    println!("\n{failure}");
    assert_eq!(failure.violation.invariant.to_string(), invariant);
}
