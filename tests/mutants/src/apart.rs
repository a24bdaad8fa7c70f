//! The mistakes that no switch can reach, in constants and in functions that return `impl Trait`: a build for
//! each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::build::{self, PROGRAMS};
use crate::listed::Mutant;
use crate::outcomes::{Outcome, Outcomes};
use crate::tree::Tree;
use crate::trial;

/// How long each program may run.
const LIMIT: Duration = Duration::from_secs(30);

/// Tries one after the other.
pub fn run(root: &Path, output: &Path, mutants: &[&Mutant], outcomes: &mut Outcomes) -> Result<()> {
    for mutant in mutants {
        let outcome = try_one(root, output, mutant)?;
        outcomes.add(mutant, outcome)?;
    }
    Ok(())
}

/// Builds the programs one by one, since the first mostly notices the mistake.
fn try_one(root: &Path, output: &Path, mutant: &Mutant) -> Result<Outcome> {
    let tree = Tree::copy(root, output.join("tree"), None, |file| {
        if file != mutant.file {
            return Ok(None);
        }
        let source = fs::read_to_string(root.join(file))?;
        Ok(Some(mutant.made_in(&source, 0..source.len())))
    })?;
    for program in &PROGRAMS {
        let built =
            build::build(&tree, &output.join("build"), std::slice::from_ref(program), build::OPTIONS)?;
        if !built.errors.is_empty() {
            return Ok(Outcome::DoesNotCompile);
        }
        let outcome = trial::run(&built.programs, &tree.path, 0, LIMIT)?;
        if outcome != Outcome::NotNoticed {
            return Ok(outcome);
        }
    }
    Ok(Outcome::NotNoticed)
}
