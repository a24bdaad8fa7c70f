//! Prints the table of outcomes, the unnoticed mistakes, and the verdict.

use std::collections::BTreeMap;

use crate::listed::Mutant;
use crate::outcomes::Outcome;

/// The percentage of mistakes that must be noticed in each folder.
const MIN_NOTICED_PERCENT: usize = 90;

/// The outcomes that are counted, in the order of the columns.
const COLUMNS: [Outcome; 4] =
    [Outcome::DoesNotCompile, Outcome::Noticed, Outcome::NeverEnds, Outcome::NotNoticed];

/// Prints the outcomes, and the verdict on each folder and on each mistake that was not noticed. `explained`
/// is the text that gives the reasons for those. Returns whether nothing failed.
pub fn print(outcomes: &[(&Mutant, Outcome)], explained: &str) -> bool {
    let mut folders: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut all = [0; 4];
    for (mutant, outcome) in outcomes {
        let counts = folders.entry(mutant.folder()).or_default();
        for (index, column) in COLUMNS.iter().enumerate() {
            counts[index] += usize::from(column == outcome);
            all[index] += usize::from(column == outcome);
        }
    }
    println!("| | mistakes | do not compile | noticed | the tests never end | not noticed |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (folder, counts) in &folders {
        print_row(&format!("`{folder}`"), counts);
    }
    print_row("all", &all);
    let survivors: Vec<_> =
        outcomes.iter().filter(|(_, it)| *it == Outcome::NotNoticed).map(|(mutant, _)| *mutant).collect();
    println!();
    for mutant in &survivors {
        println!("not noticed: {}", mutant.name);
    }
    let low: Vec<_> = folders.iter().filter(|(_, counts)| percent(counts) < MIN_NOTICED_PERCENT).collect();
    for (folder, counts) in &low {
        println!("FAILED: {folder}: {}% noticed, and {MIN_NOTICED_PERCENT}% have to be", percent(counts));
    }
    let unexplained = unexplained(&survivors, explained);
    for mutant in &unexplained {
        println!("FAILED: docs/mutants.md does not say why nothing notices: {}", mutant.name);
    }
    let failed = low.len() + unexplained.len();
    let passed = folders.len() + survivors.len() - failed;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed");
    failed == 0
}

fn print_row(name: &str, counts: &[usize; 4]) {
    let [failing, noticed, endless, missed] = counts;
    println!("| {name} | {} | {failing} | {noticed} | {endless} | {missed} |", counts.iter().sum::<usize>());
}

/// The percentage of the mistakes that compile that were noticed. A run without end counts as noticed.
fn percent([_, noticed, endless, missed]: &[usize; 4]) -> usize {
    (noticed + endless) * 100 / (noticed + endless + missed).max(1)
}

/// The unnoticed mistakes that the text does not name. It has to name one as often as there are mistakes of
/// that name.
fn unexplained<'a>(survivors: &[&'a Mutant], explained: &str) -> Vec<&'a Mutant> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    survivors
        .iter()
        .filter(|mutant| {
            let words = mutant.words();
            let left = left.entry(words).or_insert_with(|| explained.matches(&format!("`{words}`")).count());
            let is_explained = *left > 0;
            *left = left.saturating_sub(1);
            !is_explained
        })
        .copied()
        .collect()
}
