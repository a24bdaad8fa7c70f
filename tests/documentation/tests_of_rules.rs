//! tests/README.md names files, functions and parts of `tests/run` that exist.

use std::path::Path;

use super::links::resolve;
use super::{Result, files, quoted, read, rows};

const PAGE: &str = "tests/README.md";

/// The code of a file; for a program in a folder, that of all its files.
fn code(path: &Path) -> Result<String> {
    let Some(folder) = path.parent().filter(|_| path.ends_with("main.rs")) else { return read(path) };
    let folder = folder.to_str().ok_or("a name is not UTF-8")?;
    files(folder, "rs")?.iter().map(|path| read(path)).collect()
}

/// Names in the text behind a link that are no function of the file that it leads to.
fn unknown_functions(link: &str) -> Result<Vec<String>> {
    let (target, names) = link.split_once(')').ok_or("a link does not end")?;
    let functions: Vec<_> = quoted(names).filter(|name| !name.contains(' ')).collect();
    if functions.is_empty() {
        return Ok(vec![]);
    }
    let path = resolve(Path::new(PAGE), target).ok_or_else(|| format!("{target} is not in the project"))?;
    let code = code(&path)?;
    let unknown = functions.into_iter().filter(|name| !code.contains(&format!("fn {name}(")));
    Ok(unknown.map(|name| format!("{target}: {name}")).collect())
}

#[test]
fn the_tests_of_each_rule_exist() -> Result {
    let (page, parts) = (read(Path::new(PAGE))?, read(Path::new("tests/run"))?);
    let (mut checked, mut unknown) = (0, vec![]);
    for row in rows(&page) {
        let tests = row.last().copied().unwrap_or_default();
        for link in tests.split("](").skip(1) {
            unknown.extend(unknown_functions(link)?);
        }
        let named = quoted(tests).filter_map(|name| name.strip_prefix("tests/run "));
        unknown.extend(named.filter(|part| !parts.contains(&format!("\"{part}\": ("))).map(str::to_owned));
        checked += quoted(tests).count();
    }
    assert!(unknown.is_empty(), "{PAGE} names what does not exist: {unknown:?}");
    assert!(checked >= 80, "only {checked} names");
    Ok(())
}
