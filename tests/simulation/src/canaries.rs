//! Bugs that are put into the server on purpose: each is found, and by the invariant that it breaks.

use std::collections::BTreeMap;

use sysconn::sim::Canary;

use crate::hush;
use crate::plan::Plan;

/// Seeds in which a canary may hide.
const SEEDS: u64 = 400;

#[test]
fn each_canary_breaks_its_invariant() {
    hush();
    let mut wrong = BTreeMap::new();
    for (canary, invariant) in Canary::ALL {
        let mut found = vec![];
        for seed in 0..SEEDS {
            let mut plan = Plan::new(seed).with_clients(100);
            plan.simulation.canary = Some(canary);
            if let Err(failure) = plan.run() {
                found.push(failure);
                break;
            }
        }
        match found.first() {
            Some(failure) if failure.violation.invariant == invariant => {}
            Some(failure) => {
                wrong.insert(canary, format!("{invariant} should have failed: {failure}"));
            }
            None => {
                wrong.insert(canary, "was not found".to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
