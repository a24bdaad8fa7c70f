//! What slow or hostile neighbours add to the time that another client waits for its replies.
//!
//! The victim sends a request of 64 bytes each millisecond, or once the one before is answered, in slices
//! alternately without the neighbours and with them. The program runs on core 0, all clients on core 1, the
//! neighbours at the lowest priority; what they send is made beforehand. Still their calls can keep the
//! victim from its core, so that the figures are upper bounds. `cargo bench --bench neighbours` prints p50
//! and p99 of each, and what the neighbours add. `-- [--beside PROGRAM] [NAME...]`: of another build too,
//! slice by slice beside this one; only kinds with that in their names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]

#[path = "../../../benches/loads/mod.rs"]
mod loads;
mod scene;
mod server;
mod victim;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loads::{Certificate, LoadKind, Setting, kinds};
use scene::Scene;
use server::ScratchDirectory;

const SLICES: usize = 12;
/// After a change: what was under way has gone by, and the neighbours are at full speed.
const SETTLE: Duration = Duration::from_millis(100);
/// As [`SETTLE`], where timers have to come first.
const SETTLE_TIMERS: Duration = Duration::from_millis(1500);
/// No slice of a kind begins later than this, however few there were.
const MOST: Duration = Duration::from_secs(40);

fn measure(kind: &Arc<LoadKind>, programs: &[(&'static str, PathBuf)], scratch: &ScratchDirectory) {
    let mut scenes: Vec<_> =
        programs.iter().map(|(label, program)| Scene::new(label, program, kind, scratch)).collect();
    let settle = if kind.setting == Setting::ShortHandshakes { SETTLE_TIMERS } else { SETTLE };
    let began = Instant::now();
    for _ in 0..SLICES {
        if began.elapsed() > MOST {
            break;
        }
        scenes.iter_mut().for_each(|scene| scene.round(settle));
    }
    scenes.iter_mut().for_each(|scene| scene.report(kind));
}

fn main() {
    let mut programs = vec![("", PathBuf::from(env!("CARGO_BIN_EXE_sysconn")))];
    let mut names = vec![];
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        if word == "--beside" {
            programs[0].0 = "this";
            programs.insert(0, ("other", std::path::absolute(words.next().unwrap()).unwrap()));
        } else {
            names.push(word);
        }
    }
    let certificate = Arc::new(Certificate::new());
    let scratch = ScratchDirectory::new(&certificate);
    println!(
        "{:<51}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>14}",
        "ms", "p50", "with", "more", "p99", "with", "more", "done"
    );
    for kind in kinds(&certificate).into_iter().map(Arc::new) {
        if names.is_empty() || names.iter().any(|name| kind.name.contains(name.as_str())) {
            measure(&kind, &programs, &scratch);
        }
    }
}
