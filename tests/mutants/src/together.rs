//! Tries all mistakes that can be switched, in one build.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::build::{self, Build, PROGRAMS};
use crate::listed::Mutant;
use crate::outcomes::{Outcome, Outcomes};
use crate::switched::{self, Switched};
use crate::tree::Tree;
use crate::trial;

/// A run that takes this many times as long as one without a mistake counts as one that never ends.
const TIMES_AS_LONG: u32 = 4;
/// The shortest limit of time, since other programs may use the processor too.
const MIN_LIMIT: Duration = Duration::from_secs(15);
/// After how many mistakes the progress is printed.
const TOLD_EVERY: usize = 100;

/// Tries all that can be switched, and returns the others.
pub fn run<'a>(
    root: &Path,
    output: &Path,
    mutants: &[&'a Mutant],
    outcomes: &mut Outcomes,
) -> Result<Vec<&'a Mutant>> {
    let mut attempt = Attempt { open: mutants.to_vec(), constants: HashSet::new() };
    let (tree, programs, apart) = loop {
        let (tree, files) = attempt.write(root, output)?;
        let built = build::build(&tree, &output.join("build"), &PROGRAMS, build::OPTIONS)?;
        if built.errors.is_empty() {
            let apart: HashSet<usize> = files.values().flat_map(|file| &file.apart).copied().collect();
            break (tree, built.programs, apart);
        }
        attempt.learn(&built, &files, outcomes)?;
    };
    let (apart, together): (Vec<_>, Vec<_>) =
        attempt.open.iter().partition(|mutant| apart.contains(&mutant.number));
    let limit = limit(&programs, &tree)?;
    println!("{} are tried, for at most {} s each", together.len(), limit.as_secs());
    try_all(&programs, &tree, &together, limit, outcomes)?;
    Ok(apart)
}

/// The findings on the way to a tree that compiles.
struct Attempt<'a> {
    open: Vec<&'a Mutant>,
    /// The `const fn`s that a constant needs.
    constants: HashSet<String>,
}

impl Attempt<'_> {
    /// Writes the tree with all mistakes. Returns it, and what became of each file with mistakes.
    fn write(&self, root: &Path, output: &Path) -> Result<(Tree, HashMap<String, Switched>)> {
        let mut files = HashMap::new();
        let added = Some(("src/mutant.rs", switched::MODULE));
        let tree = Tree::copy(root, output.join("tree"), added, |file| {
            let mutants: Vec<_> = self.open.iter().copied().filter(|it| it.file == file).collect();
            if file == "src/lib.rs" {
                let library = fs::read_to_string(root.join(file))?;
                return Ok(Some(format!("{library}\nmod mutant;\n")));
            }
            if mutants.is_empty() {
                return Ok(None);
            }
            let source = fs::read_to_string(root.join(file))?;
            let mut switched = switched::switch(&source, &mutants, &self.constants)?;
            let text = std::mem::take(&mut switched.text);
            files.insert(file.to_owned(), switched);
            Ok(Some(text))
        })?;
        Ok((tree, files))
    }

    /// Takes out the mistakes that the compiler rejected.
    fn learn(
        &mut self,
        built: &Build,
        files: &HashMap<String, Switched>,
        outcomes: &mut Outcomes,
    ) -> Result<()> {
        let mut failing = HashSet::new();
        let mut learnt = false;
        for (text, places) in &built.errors {
            if let Some(name) = constant_function(text) {
                learnt |= self.constants.insert(name);
                continue;
            }
            let number = places.iter().find_map(|(file, line)| {
                files.get(file)?.lines.iter().find(|(lines, _)| lines.contains(line)).map(|(_, it)| *it)
            });
            failing.extend(number);
        }
        println!("{} do not compile", failing.len());
        if failing.is_empty() && !learnt {
            return Err(format!("what does not compile is no mistake: {:?}", built.errors).into());
        }
        for mutant in self.open.extract_if(.., |mutant| failing.contains(&mutant.number)) {
            outcomes.add(mutant, Outcome::DoesNotCompile)?;
        }
        Ok(())
    }
}

/// The function that a constant calls, as `Type::name`, from the error that it is not `const`.
fn constant_function(error: &str) -> Option<String> {
    let path = error.strip_prefix("cannot call non-const ")?.split('`').nth(1)?;
    let mut depth = 0;
    let plain: String = path
        .chars()
        .filter(|&character| {
            depth += i32::from(character == '<');
            let is_plain = depth == 0;
            depth -= i32::from(character == '>');
            is_plain
        })
        .collect();
    let words: Vec<&str> = plain.split("::").filter(|word| !word.is_empty()).collect();
    let owner = words.iter().rev().nth(1).filter(|word| word.starts_with(char::is_uppercase));
    let name = words.last()?;
    Some(owner.map_or(name.to_string(), |owner| format!("{owner}::{name}")))
}

/// The limit of time for a run, from a run without a mistake, in which every test must pass.
fn limit(programs: &[PathBuf], tree: &Tree) -> Result<Duration> {
    let began = Instant::now();
    if trial::run(programs, &tree.path, 0, Duration::from_secs(300))? != Outcome::NotNoticed {
        return Err("the tests fail, or take minutes, without any mistake".into());
    }
    Ok(MIN_LIMIT.max(began.elapsed() * TIMES_AS_LONG))
}

fn try_all(
    programs: &[PathBuf],
    tree: &Tree,
    mutants: &[&Mutant],
    limit: Duration,
    outcomes: &mut Outcomes,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(outcomes);
    let work = || -> std::result::Result<(), String> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(index) else { return Ok(()) };
            if index.is_multiple_of(TOLD_EVERY) {
                println!("{index} of {}", mutants.len());
            }
            let outcome =
                trial::run(programs, &tree.path, mutant.number, limit).map_err(|error| error.to_string())?;
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.add(mutant, outcome).map_err(|error| error.to_string())?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_that_a_constant_calls_is_found_in_the_error() {
        for (path, name) in [
            ("function `begins_data` in constants", Some("begins_data")),
            ("function `frame::header::begins_data` in constants", Some("begins_data")),
            ("associated function `Route::<()>::new` in statics", Some("Route::new")),
            ("associated function `a::Module::<A<B>>::new::<2>` in constants", Some("Module::new")),
        ] {
            let error = format!("cannot call non-const {path}");
            assert_eq!(constant_function(&error).as_deref(), name, "{error}");
        }
        assert_eq!(constant_function("mismatched types"), None);
    }
}
