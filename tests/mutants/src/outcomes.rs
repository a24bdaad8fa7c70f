//! The outcomes of mistakes, in a file, so that an interrupted run can continue.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::Result;
use crate::listed::Mutant;

/// The outcome of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    DoesNotCompile,
    Noticed,
    /// The tests did not end within the limit of time.
    NeverEnds,
    NotNoticed,
}

impl Outcome {
    const ALL: [Outcome; 4] =
        [Outcome::DoesNotCompile, Outcome::Noticed, Outcome::NeverEnds, Outcome::NotNoticed];

    fn word(self) -> &'static str {
        match self {
            Outcome::DoesNotCompile => "does-not-compile",
            Outcome::Noticed => "noticed",
            Outcome::NeverEnds => "never-ends",
            Outcome::NotNoticed => "not-noticed",
        }
    }
}

/// The outcomes so far.
#[derive(Debug)]
pub struct Outcomes {
    known: HashMap<(u64, String), Outcome>,
    file: File,
}

impl Outcomes {
    /// Continues a file, in which unnoticed mistakes count as untried, or begins a new one.
    pub fn open(path: &Path, goes_on: bool) -> Result<Outcomes> {
        if !goes_on && path.exists() {
            fs::remove_file(path)?;
        }
        let written = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        let known = written.lines().filter_map(parse).filter(|(_, it)| *it != Outcome::NotNoticed).collect();
        Ok(Outcomes { known, file: File::options().create(true).append(true).open(path)? })
    }

    pub fn get(&self, mutant: &Mutant) -> Option<Outcome> {
        self.known.get(&(mutant.version, mutant.name.clone())).copied()
    }

    pub fn add(&mut self, mutant: &Mutant, outcome: Outcome) -> Result<()> {
        self.known.insert((mutant.version, mutant.name.clone()), outcome);
        Ok(writeln!(self.file, "{} {} {}", outcome.word(), mutant.version, mutant.name)?)
    }
}

fn parse(line: &str) -> Option<((u64, String), Outcome)> {
    let mut words = line.splitn(3, ' ');
    let word = words.next()?;
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)?;
    Some(((words.next()?.parse().ok()?, words.next()?.to_owned()), outcome))
}
