//! Builds test programs of a tree, and collects the compiler's errors.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Result;
use crate::tree::Tree;

/// The programs that each mistake is tried on, in this order, with the arguments that select them.
pub const PROGRAMS: [(&str, &[&str]); 3] = [
    ("sysconn", &["--lib"]),
    ("frame_table", &["--test", "frame_table"]),
    ("recordings", &["--test", "recordings"]),
];

/// The options to build them quickly.
pub const OPTIONS: &[&str] = &[
    "--package",
    "sysconn",
    "--all-features",
    "--config",
    "profile.dev.debug=0",
    "--config",
    "profile.dev.package.sysconn.opt-level=1",
];

/// The result of a build.
#[derive(Debug, Default)]
pub struct Build {
    /// The test programs, in the order in which they were asked for.
    pub programs: Vec<PathBuf>,
    /// The errors, each with all places that it names: files and lines.
    pub errors: Vec<(String, Vec<(String, usize)>)>,
}

/// Builds programs, each given by its name and the arguments that select it. That one does not compile is no
/// error of this function.
pub fn build(tree: &Tree, target: &Path, programs: &[(&str, &[&str])], options: &[&str]) -> Result<Build> {
    let output = Command::new("cargo")
        .current_dir(&tree.path)
        .env("CARGO_TARGET_DIR", target)
        .args(["test", "--locked", "--no-run", "--message-format=json"])
        .args(options)
        .args(programs.iter().flat_map(|(_, arguments)| *arguments))
        .stdin(Stdio::null())
        .output()?;
    let mut built = Build::default();
    let mut executables = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        if message["message"]["level"] == "error" {
            let text = message["message"]["message"].as_str().unwrap_or_default().to_owned();
            built.errors.push((text, places(&message["message"])));
        } else if let (Some(name), Some(path)) =
            (message["target"]["name"].as_str(), message["executable"].as_str())
            && message["profile"]["test"] == true
        {
            executables.push((name.to_owned(), PathBuf::from(path)));
        }
    }
    if output.status.success() {
        for (name, _) in programs {
            let (_, path) =
                executables.iter().find(|(built, _)| built == name).ok_or(format!("no {name} built"))?;
            built.programs.push(path.clone());
        }
    } else if built.errors.is_empty() {
        return Err(format!("cargo test: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(built)
}

/// The places that an error names, the primary one first. For an error within a macro that is the macro's
/// call.
fn places(message: &Value) -> Vec<(String, usize)> {
    let mut spans: Vec<&Value> = message["spans"].as_array().into_iter().flatten().collect();
    spans.sort_by_key(|span| span["is_primary"] != true);
    let mut seen = HashSet::new();
    spans
        .into_iter()
        .filter_map(|mut span| {
            while span["expansion"]["span"].is_object() {
                span = &span["expansion"]["span"];
            }
            Some((span["file_name"].as_str()?.to_owned(), span["line_start"].as_u64()? as usize))
        })
        .filter(|place| seen.insert(place.clone()))
        .collect()
}
