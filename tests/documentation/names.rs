//! The files and functions that docs/architecture.md names exist.

use std::path::Path;

use super::{ROOT, Result, files, quoted, read};

const PAGE: &str = "docs/architecture.md";

/// Whether a name can be one in the code: `Type`, `function`, `Type::function`, without arguments.
fn is_name(text: &str) -> bool {
    let is_path = text
        .split("::")
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    is_path && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn files_that_are_named_exist() -> Result {
    let text = read(Path::new(PAGE))?;
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '/' | '.' | '-'));
    let named = words.filter(|word| word.ends_with(".rs"));
    let exists =
        |name: &str| ["", "src"].iter().any(|folder| Path::new(ROOT).join(folder).join(name).exists());
    let missing: Vec<_> = named.filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{PAGE} names files that do not exist: {missing:?}");
    Ok(())
}

#[test]
fn names_that_are_quoted_are_in_the_code() -> Result {
    let mut code = String::new();
    for folder in ["src", "gateway/src", "benches", "tests"] {
        for path in files(folder, "rs")? {
            code += &read(&path)?;
        }
    }
    let words: std::collections::BTreeSet<&str> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let text = read(Path::new(PAGE))?;
    let (_, text) = text.split_once("## Two machines").ok_or("no section about the two machines")?;
    let names = quoted(text).filter(|name| is_name(name));
    let missing: Vec<_> = names.filter(|name| !name.split("::").all(|part| words.contains(part))).collect();
    assert!(missing.is_empty(), "{PAGE} names what is not in the code: {missing:?}");
    Ok(())
}
