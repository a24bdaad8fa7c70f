//! Suggests a name for one that does not exist.

/// The nearest of `names`, if it is near enough to be suggested.
pub(super) fn nearest(given: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const NEAR_EDITS: usize = 3;
    const LONGEST: usize = 40;
    if given.len() > LONGEST {
        return None;
    }
    let ranked = names.map(|name| (edits(given, &name), name));
    ranked.min().filter(|(edits, name)| *edits <= NEAR_EDITS && *edits * 2 < name.len()).map(|(_, name)| name)
}

/// The Levenshtein distance: insertions, deletions and replacements from one name to the other.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (taken, letter) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], taken + 1);
        for (column, other) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
