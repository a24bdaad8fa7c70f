//! Shows that each invariant of the simulation can fail: a mistake for each, put into a copy of the library,
//! is found by `tests/simulation`.
//!
//! All mistakes are in one build; a number in the environment chooses one of them. The test
//! `mistakes::is_found_by_its_invariant` then looks for a seed in which the invariant fails.

mod table;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Result;
use crate::build;
use crate::tree::Tree;
use table::{NAMED, NamedMistake};

/// Tries each mistake, and prints a line for it. Returns whether all were found.
pub fn run(root: &Path, target: &Path) -> Result<bool> {
    let tree = write_tree(root, &target.join("mutants").join("named"))?;
    // The dependencies of the library are built there already, if the simulation has been run.
    let program = build_simulation(&tree, &target.join("simulation"))?;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = 0;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mistake) = NAMED.get(index) else { break };
            failed += usize::from(!is_found(&program, index + 1, mistake));
        }
        failed
    };
    let failed = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        let mut failed = 0;
        for worker in workers {
            failed += worker.join().map_err(|_| "a worker panicked")?;
        }
        Result::Ok(failed)
    })?;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {} passed; {failed} failed", NAMED.len() - failed);
    Ok(failed == 0)
}

/// Writes a copy of the project with all mistakes in it.
fn write_tree(root: &Path, path: &Path) -> Result<Tree> {
    let mut errors = text::without_file(root);
    let tree = Tree::copy(root, path.to_owned(), Some(("src/mutant.rs", text::MODULE)), |file| {
        if !file.starts_with("src/") {
            return Ok(None);
        }
        let source = fs::read_to_string(root.join(file))?;
        if file == "src/lib.rs" {
            return Ok(Some(format!("{source}\nmod mutant;\n")));
        }
        Ok(text::edited(file, &source).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        }))
    })?;
    if !errors.is_empty() {
        return Err(errors.join("\n").into());
    }
    Ok(tree)
}

fn build_simulation(tree: &Tree, target: &Path) -> Result<PathBuf> {
    let arguments = ["--manifest-path", "tests/simulation/Cargo.toml"];
    let mut built = build::build(tree, target, &[("simulation", &arguments)], &[])?;
    if !built.errors.is_empty() {
        return Err(format!("with the mistakes it does not compile: {:#?}", built.errors).into());
    }
    Ok(built.programs.remove(0))
}

/// Runs the simulation with one mistake.
fn is_found(program: &Path, number: usize, mistake: &NamedMistake) -> bool {
    let output = Command::new(program)
        .args(["--exact", mistake.test, "--ignored", "--nocapture"])
        .env("SYSCONN_MUTANT", number.to_string())
        .env("SYSCONN_INVARIANT", mistake.breaks)
        .stdin(Stdio::null())
        .output();
    let (is_found, said) = match &output {
        Ok(output) => (output.status.success(), String::from_utf8_lossy(&output.stdout)),
        Err(error) => (false, error.to_string().into()),
    };
    let seen = said.lines().find(|line| line.starts_with("seed ")).unwrap_or("no failure in any seed");
    println!("{}{}: {seen}", if is_found { "" } else { "FAILED: " }, mistake.name);
    is_found
}
