//! The figures as one JSON object.

use super::Report;

/// One line.
pub(in crate::bench) fn json(report: &Report) -> String {
    // A report has no keys that JSON could not have.
    serde_json::to_string(report).map(|json| json + "\n").unwrap_or_default()
}
