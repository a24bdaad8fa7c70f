//! What the referee prints: progress, a table at the end, or JSON.

use std::io::{self, Write as _};

use serde_json::json;

use super::cases::Case;
use crate::output::print;

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    /// The driver skips it.
    Skipped,
    /// With the reason.
    Failed(String),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Skipped => "skipped",
            Verdict::Failed(_) => "FAILED",
        }
    }

    fn reason(&self) -> &str {
        match self {
            Verdict::Failed(why) => why,
            Verdict::Passed | Verdict::Skipped => "",
        }
    }
}

/// A case with its outcome.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) verdict: Verdict,
}

/// Prints all cases, a line for each.
pub(super) fn list(cases: &[Case]) -> Result<(), String> {
    let line = |case: &Case| format!("{:<5} {:<24} {}\n", case.number, case.name, case.about);
    print(&cases.iter().map(line).collect::<String>())
}

/// Says on standard error how far it is.
pub(super) fn progress(row: &Row) {
    // It may be closed.
    let _ = writeln!(io::stderr(), "{} {}: {}", row.number, row.name, row.verdict.word());
}

/// Prints the table.
pub(super) fn table(name: &str, rows: &[Row]) -> Result<(), String> {
    let mut text = String::new();
    for row in rows {
        let line =
            format!("{:<5} {:<24} {:<8} {}", row.number, row.name, row.verdict.word(), row.verdict.reason());
        text += line.trim_end();
        text.push('\n');
    }
    let count = |word| rows.iter().filter(|row| row.verdict.word() == word).count();
    let (passed, failed, skipped) = (count("passed"), count("FAILED"), count("skipped"));
    print(&format!("{text}{}: {passed} passed, {failed} failed, {skipped} skipped\n", name.escape_debug()))
}

/// Prints everything as JSON.
pub(super) fn json(name: &str, rows: &[Row]) -> Result<(), String> {
    let cases = rows.iter().map(|row| {
        json!({
            "number": row.number,
            "name": row.name,
            "verdict": row.verdict.word().to_lowercase(),
            "reason": row.verdict.reason(),
        })
    });
    let report = json!({ "client": name, "cases": cases.collect::<Vec<_>>() });
    print(&format!("{report:#}\n"))
}
