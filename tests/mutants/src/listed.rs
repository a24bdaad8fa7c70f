//! The mistakes that cargo-mutants lists: which text of a file is replaced by which.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// One small mistake.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// Selects the mistake at run time. 0 is no mistake.
    pub number: usize,
    /// The name that cargo-mutants gives it: the place, and what is replaced.
    pub name: String,
    /// The file, from the root of the project.
    pub file: String,
    /// A hash of the whole file. Outcomes for another version of the file do not count.
    pub version: u64,
    /// The bytes of the file that are replaced.
    pub span: Range<usize>,
    /// What replaces them.
    pub replacement: String,
}

impl Mutant {
    /// The name without the place, which changes with every line above it.
    #[must_use]
    pub fn words(&self) -> &str {
        self.name.splitn(2, ": ").last().unwrap_or(&self.name)
    }

    /// The folder in `src` that its outcome counts for.
    #[must_use]
    pub fn folder(&self) -> &str {
        let end = self.file.match_indices('/').nth(1).map_or(self.file.len(), |(end, _)| end);
        self.file.get(..end).unwrap_or_default()
    }

    /// A part of a file's text with this mistake in it.
    #[must_use]
    pub fn made_in(&self, source: &str, part: Range<usize>) -> String {
        let Range { start, end } = self.span;
        format!("{} {} {}", &source[part.start..start], self.replacement, &source[end..part.end])
    }
}

/// The mistakes that `cargo mutants --list` prints, or those whose names match a regular expression.
pub fn list(root: &Path, only: Option<&str>) -> Result<Vec<Mutant>> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["mutants", "--list", "--json"]);
    if let Some(expression) = only {
        command.args(["--re", expression]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("cargo mutants: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let entries: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let mut sources = HashMap::new();
    let mut mutants = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let text = |key: &str| entry[key].as_str().map(str::to_owned).ok_or(format!("no {key} in the list"));
        let file = text("file")?;
        if !sources.contains_key(&file) {
            sources.insert(file.clone(), fs::read_to_string(root.join(&file))?);
        }
        let source = &sources[&file];
        let mut hasher = DefaultHasher::new();
        source.hash(&mut hasher);
        mutants.push(Mutant {
            number: index + 1,
            name: text("name")?,
            replacement: text("replacement")?,
            span: offset(source, &entry["span"]["start"])?..offset(source, &entry["span"]["end"])?,
            version: hasher.finish(),
            file,
        });
    }
    Ok(mutants)
}

/// The byte at a line and a column, which count from 1. Columns count characters.
fn offset(source: &str, place: &Value) -> Result<usize> {
    let (Some(line), Some(column)) = (place["line"].as_u64(), place["column"].as_u64()) else {
        return Err(format!("no place: {place}").into());
    };
    let lines_before = source.split_inclusive('\n').take(line as usize - 1);
    let start: usize = lines_before.map(str::len).sum();
    let characters_before = source[start..].chars().take(column as usize - 1);
    Ok(start + characters_before.map(char::len_utf8).sum::<usize>())
}
