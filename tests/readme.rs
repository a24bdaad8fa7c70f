//! What README.md and docs/architecture.md say of options, limits and the source, held against them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const README: &str = include_str!("../README.md");
const ARCHITECTURE: &str = include_str!("../docs/architecture.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The cells of all rows of all tables.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// All Rust files below a folder, as paths from the root of the project.
fn sources(folder: &str) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(Path::new(ROOT).join(folder))? {
        let path = entry?.path();
        let name = path.strip_prefix(ROOT)?.to_path_buf();
        if path.is_dir() {
            found.extend(sources(name.to_str().ok_or("a name is not UTF-8")?)?);
        } else if name.extension().is_some_and(|extension| extension == "rs") {
            found.push(name);
        }
    }
    Ok(found)
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
    for path in sources("src")?.into_iter().chain(sources("gateway/src")?) {
        code += &fs::read_to_string(Path::new(ROOT).join(path))?;
    }
    let mut checked = BTreeSet::new();
    for text in [README, ARCHITECTURE] {
        for (at, _) in text.match_indices("(`") {
            let Some(name) = quoted(&text[at..]).next() else { continue };
            if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                continue;
            }
            let said = last_number(&text[..at]).ok_or_else(|| format!("no number before {name}"))?;
            assert!(
                constants(name, &code).contains(&said),
                "{name} is {:?}, not {said}",
                constants(name, &code)
            );
            checked.insert(name);
        }
    }
    assert!(checked.len() >= 20, "only {checked:?}");
    Ok(())
}

/// Whether a file of the library holds tests only.
fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.iter().any(|part| part == "tests")
}

#[test]
fn the_map_shows_every_file_and_no_other() -> Result {
    let (_, map) = README.split_once("src/main.rs ").ok_or("no map")?;
    let map = format!("src/main.rs {}", map.split("```").next().unwrap_or_default());
    let mut folder = String::new();
    let mut shown = BTreeSet::new();
    for line in map.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with(' ') {
            shown.insert(PathBuf::from(format!("{folder}{name}")));
        } else {
            folder = name.to_owned();
            assert!(Path::new(ROOT).join(name).exists(), "{name} does not exist");
            if name.ends_with(".rs") {
                shown.insert(PathBuf::from(name));
            }
        }
    }
    let in_map = |path: &PathBuf| !path.starts_with("src/program") && !is_test(path);
    let there: BTreeSet<_> = sources("src")?.into_iter().filter(in_map).collect();
    let missing: Vec<_> = there.difference(&shown).collect();
    let stale: Vec<_> = shown.difference(&there).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing: {missing:?}, stale: {stale:?}");
    Ok(())
}

/// The room that a file belongs to: its folder, or itself.
fn room(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    Some(first.strip_suffix(".rs").unwrap_or(first).to_owned())
}

#[test]
fn rooms_use_only_what_the_table_says() -> Result {
    let (_, table) = ARCHITECTURE.split_once("## Rooms").ok_or("no table of rooms")?;
    let (table, _) = table.split_once("\n## ").ok_or("no end of the table of rooms")?;
    let rooms: Vec<(BTreeSet<_>, BTreeSet<_>)> = rows(table)
        .filter(|row| row[0].starts_with('`'))
        .map(|row| {
            let own: BTreeSet<_> = quoted(row[0]).map(|name| name.trim_end_matches('/')).collect();
            let uses = quoted(row[2]).chain(own.iter().copied()).collect();
            (own, uses)
        })
        .collect();
    for path in sources("src")? {
        let name = room(&path).ok_or("a file in no room")?;
        if name == "lib" || is_test(&path) {
            continue;
        }
        let found = rooms.iter().find(|(own, _)| own.contains(name.as_str()));
        let (_, uses) = found.ok_or_else(|| format!("the room {name} is not in the table"))?;
        let code = fs::read_to_string(Path::new(ROOT).join(&path))?;
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for used in lines.flat_map(|line| line.split("crate::").skip(1)) {
            let used = used.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default();
            assert!(used.is_empty() || uses.contains(used), "{} uses {used}", path.display());
        }
    }
    Ok(())
}
