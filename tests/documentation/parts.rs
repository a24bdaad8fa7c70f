//! The table of parts in docs/architecture.md names all that each part of the library uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Result, files, is_test, quoted, read, rows};

/// The part that a file belongs to: its folder, or itself.
fn part(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    Some(first.strip_suffix(".rs").unwrap_or(first).to_owned())
}

/// The parts whose names follow `crate::` in code, tests and comments aside.
fn uses(code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let names = paths.map(|path| path.split(|c: char| !c.is_ascii_lowercase() && c != '_').next());
    names.flatten().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn parts_use_what_the_table_says() -> Result {
    let architecture = read(Path::new("docs/architecture.md"))?;
    let (_, table) = architecture.split_once("## Parts").ok_or("no table of parts")?;
    let (table, _) = table.split_once("\n## ").ok_or("no end of the table of parts")?;
    let listed: Vec<(BTreeSet<_>, BTreeSet<_>)> = rows(table)
        .filter(|row| row[0].starts_with('`'))
        .map(|row| {
            let own: BTreeSet<_> = quoted(row[0]).map(|name| name.trim_end_matches('/').to_owned()).collect();
            let uses = quoted(row[2]).map(str::to_owned).chain(own.iter().cloned()).collect();
            (own, uses)
        })
        .collect();
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files("src", "rs")?.iter().filter(|path| !is_test(path)) {
        let name = part(path).ok_or("a file in no part")?;
        used.entry(name).or_default().extend(uses(&read(path)?));
    }
    used.remove("lib");
    let mut wrong = vec![];
    for (name, uses) in &used {
        match listed.iter().find(|(own, _)| own.contains(name)) {
            None => wrong.push(format!("{name} is not in the table; it uses {uses:?}")),
            Some((_, allowed)) => {
                wrong.extend(uses.difference(allowed).map(|used| format!("{name} uses {used}")));
            }
        }
    }
    for (own, allowed) in &listed {
        let uses: BTreeSet<_> = own.iter().filter_map(|name| used.get(name)).flatten().cloned().collect();
        let idle = allowed.difference(own).filter(|name| !uses.contains(*name));
        wrong.extend(idle.map(|name| format!("{own:?} does not use {name}")));
        wrong.extend(
            own.iter().filter(|name| !used.contains_key(*name)).map(|name| format!("there is no {name}")),
        );
    }
    assert!(wrong.is_empty(), "the table of parts in docs/architecture.md:\n{}", wrong.join("\n"));
    Ok(())
}
