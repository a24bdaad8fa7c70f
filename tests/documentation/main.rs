//! The documentation, compared with the code: limits, the table of parts, the map of the source, and links.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

mod links;
mod names;
mod parts;
mod source_map;
mod tests_of_rules;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const README: &str = include_str!("../../README.md");

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The cells of all rows of all tables.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// All files with this extension below a folder, in order, as paths from the root of the project. Build
/// output is left out; a folder that does not exist has no files.
fn files(folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (vec![], vec![Path::new(ROOT).join(folder)]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if !path.is_dir() {
                found.push(path.strip_prefix(ROOT)?.to_path_buf());
            } else if path
                .file_name()
                .is_some_and(|name| name != "target" && name != "corpus" && name != ".git")
            {
                folders.push(path);
            }
        }
    }
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    Ok(fs::read_to_string(Path::new(ROOT).join(path))?)
}

/// Whether a file of the library holds tests only.
fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.iter().any(|part| part == "tests")
}

/// The number before the end of `text`, in its unit if it has one.
fn last_number(text: &str) -> Option<u64> {
    let words: Vec<_> = text.split_whitespace().collect();
    let at = words.iter().rposition(|word| word.parse::<u64>().is_ok())?;
    let unit = match words.get(at + 1) {
        Some(&"KiB") => 1024,
        Some(&"MiB") => 1024 * 1024,
        _ => 1,
    };
    words[at].parse::<u64>().ok().map(|number| number * unit)
}

/// The value of each constant of that name, where it is a product of numbers.
fn constants(name: &str, code: &str) -> Vec<u64> {
    let (declared, value) =
        (format!("const {name}: "), |factor: &str| factor.replace('_', "").parse::<u64>().ok());
    let lines = code.lines().filter(|line| line.contains(&declared));
    let expressions = lines.filter_map(|line| line.split_once(" = ")?.1.strip_suffix(';'));
    expressions.filter_map(|product| product.split(" * ").map(value).product::<Option<u64>>()).collect()
}

#[test]
fn a_number_with_the_name_of_its_constant_is_its_value() -> Result {
    let mut code = String::new();
    for path in files("src", "rs")?.into_iter().chain(files("gateway", "rs")?) {
        code.extend(
            read(&path)?.lines().filter(|line| line.contains("const ")).map(|line| format!("{line}\n")),
        );
    }
    let mut checked = BTreeSet::new();
    for page in files("docs", "md")? {
        let text = read(&page)?;
        for (at, _) in text.match_indices("(`") {
            let Some(name) = quoted(&text[at..]).next() else { continue };
            if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
                continue;
            }
            let values = constants(name, &code);
            let said = last_number(&text[..at]).ok_or_else(|| format!("no number before {name}"))?;
            assert!(values.contains(&said), "{}: {name} is {values:?}, not {said}", page.display());
            checked.insert(name.to_owned());
        }
    }
    assert!(checked.len() >= 20, "only {checked:?}");
    Ok(())
}

#[test]
fn the_readme_is_short() {
    let lines = README.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines, above 150");
}

/// Numbers of a text, with their points and commas.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ',');
    words.map(|word| word.trim_matches(['.', ','])).filter(|word| !word.is_empty())
}

#[test]
fn figures_in_the_readme_are_those_of_their_pages() -> Result {
    let mut checked = 0;
    for row in rows(README) {
        let [_, figure, source] = row[..] else { continue };
        let Some((_, target)) = source.split_once("](") else { continue };
        let page = read(Path::new(target.split(['#', ')']).next().unwrap_or_default()))?;
        for number in numbers(figure) {
            assert!(numbers(&page).any(|known| known == number), "{number} is not in {target}");
            checked += 1;
        }
    }
    assert!(checked >= 6, "only {checked} figures");
    Ok(())
}
