//! Puts the edits of named mistakes into the text of a file.

use std::ops::Range;
use std::path::Path;

use super::table::{Edit, NAMED};

/// The module `mutant`, which is added to the library: it decides which mistake this process makes, and when.
pub(super) const MODULE: &str = "//! Whether the mistake that this process is to make shows here and now.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

static NUMBER: LazyLock<usize> =
    LazyLock::new(|| std::env::var(\"SYSCONN_MUTANT\").map_or(0, |number| number.parse().unwrap_or(0)));

pub(crate) fn shows(number: usize, every: u32) -> bool {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    *NUMBER == number && (ASKED.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every)
}
";

const HINT: &str = "update its row in tests/mutants/src/named/table.rs";

/// The text of a file with all its mistakes, each behind its switch. `None` if it has none.
///
/// # Errors
/// What is to be mended in the table, a line for each edit that does not fit.
pub(super) fn edited(file: &str, source: &str) -> Result<Option<String>, Vec<String>> {
    let mut text = source.to_owned();
    let mut errors = vec![];
    let mut has_edits = false;
    for (number, mistake) in (1..).zip(NAMED) {
        for Edit { find, replace, .. } in mistake.edits.iter().filter(|edit| edit.file == file) {
            has_edits = true;
            match &find_all(&text, find)[..] {
                [span] => {
                    let shows = format!("crate::mutant::shows({number}, {})", mistake.every);
                    let replacement =
                        replace.replace("MISTAKE", &shows).replace("ORIGINAL", &text[span.clone()]);
                    text.replace_range(span.clone(), &replacement);
                }
                spans => errors.push(format!(
                    "{}: `{find}` is {} times in {file}, and has to be there once; {HINT}",
                    mistake.name,
                    spans.len()
                )),
            }
        }
    }
    if errors.is_empty() { Ok(has_edits.then_some(text)) } else { Err(errors) }
}

/// The faults of the table: a line for each edit whose file is gone.
pub(super) fn without_file(root: &Path) -> Vec<String> {
    let missing = |edit: &Edit| !root.join(edit.file).is_file();
    let edits = NAMED.iter().flat_map(|mistake| mistake.edits.iter().map(move |edit| (mistake, edit)));
    edits
        .filter(|(_, edit)| missing(edit))
        .map(|(mistake, edit)| format!("{}: there is no {}; {HINT}", mistake.name, edit.file))
        .collect()
}

/// Where a text is in another, whatever white space either has.
fn find_all(text: &str, find: &str) -> Vec<Range<usize>> {
    let find: String = find.split_whitespace().collect();
    let places: Vec<usize> =
        text.char_indices().filter(|(_, it)| !it.is_whitespace()).map(|(at, _)| at).collect();
    let dense: String = text.split_whitespace().collect();
    let count = |bytes: usize| dense[..bytes].chars().count();
    dense
        .match_indices(&find)
        .map(|(start, found)| {
            let (first, end) = (count(start), count(start + found.len()));
            let last_char = text[places[end - 1]..].chars().next().map_or(0, char::len_utf8);
            places[first]..places[end - 1] + last_char
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    fn read(file: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        fs::read_to_string(root.join(file)).unwrap_or_default()
    }

    #[test]
    fn each_edit_fits_its_file() {
        let files: BTreeSet<&str> = NAMED.iter().flat_map(|it| it.edits).map(|edit| edit.file).collect();
        let errors: Vec<_> =
            files.iter().filter_map(|file| edited(file, &read(file)).err()).flatten().collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }

    #[test]
    fn each_invariant_has_a_mistake() {
        let invariants = syn::parse_file(&read("src/sim/invariant.rs")).expect("it is Rust").items;
        let invariants = invariants.iter().find_map(|item| match item {
            syn::Item::Enum(item) if item.ident == "Invariant" => Some(&item.variants),
            _ => None,
        });
        let invariants: BTreeSet<String> =
            invariants.into_iter().flatten().map(|it| it.ident.to_string()).collect();
        let broken: BTreeSet<String> = NAMED.iter().map(|mistake| mistake.breaks.to_owned()).collect();
        assert_eq!(invariants, broken);
    }

    #[test]
    fn a_text_is_found_whatever_its_white_space() {
        let text = "é a\n  .b( c );\na.b(c)";
        let found: Vec<&str> = find_all(text, "a.b(c) ").into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, ["a\n  .b( c )", "a.b(c)"]);
    }
}
