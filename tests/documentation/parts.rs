//! The table of parts in docs/architecture.md lists the parts that each part of the library uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Result, files, is_test, quoted, read, rows};

/// A row of the table: parts that may use each other, and what else they use.
struct Row {
    /// The name by which other rows refer to all of its parts, if it has one.
    group: Option<String>,
    parts: BTreeSet<String>,
    uses: BTreeSet<String>,
    /// The groups whose parts it uses.
    groups: BTreeSet<String>,
}

/// The texts between asterisks.
fn emphasised(text: &str) -> impl Iterator<Item = String> {
    text.split('*').skip(1).step_by(2).map(str::to_owned)
}

impl Row {
    fn new(cells: &[&str]) -> Self {
        let names = |text| quoted(text).map(|name| name.trim_end_matches('/').to_owned()).collect();
        Self {
            group: emphasised(cells[0]).next(),
            parts: names(cells[0]),
            uses: names(cells[2]),
            groups: emphasised(cells[2]).collect(),
        }
    }
}

/// The part that a file belongs to: its folder, or itself.
fn part(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    Some(first.strip_suffix(".rs").unwrap_or(first).to_owned())
}

/// The parts whose names follow `crate::` in code, tests and comments aside.
fn names_used(code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let names = paths.filter_map(|path| path.split(|c: char| !c.is_ascii_lowercase() && c != '_').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The other parts that each part of the library uses.
fn used() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files("src", "rs")?.iter().filter(|path| !is_test(path)) {
        let name = part(path).ok_or("a file in no part")?;
        used.entry(name).or_default().extend(names_used(&read(path)?));
    }
    used.remove("lib");
    Ok(used)
}

#[test]
fn parts_use_what_the_table_says() -> Result {
    let architecture = read(Path::new("docs/architecture.md"))?;
    let (_, table) = architecture.split_once("## Parts").ok_or("no table of parts")?;
    let (table, _) = table.split_once("\n## ").ok_or("no end of the table of parts")?;
    let table: Vec<_> =
        rows(table).filter(|cells| cells[0].contains('`')).map(|cells| Row::new(&cells)).collect();
    let used = used()?;
    let mut wrong = vec![];
    for name in used.keys() {
        if !table.iter().any(|row| row.parts.contains(name)) {
            wrong.push(format!("`{name}` is not in the table"));
        }
    }
    for row in &table {
        let uses: BTreeSet<_> = row.parts.iter().filter_map(|name| used.get(name)).flatten().collect();
        let named = |group: &String| table.iter().find(|row| row.group.as_ref() == Some(group));
        let groups: Vec<_> = row.groups.iter().filter_map(named).collect();
        let allowed = |name: &String| {
            row.parts.contains(name)
                || row.uses.contains(name)
                || groups.iter().any(|group| group.parts.contains(name))
        };
        let own = row.group.clone().unwrap_or_else(|| format!("{:?}", row.parts));
        wrong.extend(uses.iter().filter(|name| !allowed(name)).map(|name| format!("{own} uses `{name}`")));
        let idle = row.uses.iter().filter(|name| !uses.contains(name));
        wrong.extend(idle.map(|name| format!("{own} does not use `{name}`")));
        let idle = groups.iter().filter(|group| !group.parts.iter().any(|name| uses.contains(name)));
        wrong.extend(idle.map(|group| format!("{own} does not use {:?}", group.group)));
        wrong.extend(
            row.parts.iter().filter(|name| !used.contains_key(*name)).map(|name| format!("no `{name}`")),
        );
        if groups.len() < row.groups.len() {
            wrong.push(format!("{own} names a group that is none: {:?}", row.groups));
        }
    }
    assert!(wrong.is_empty(), "the table of parts in docs/architecture.md:\n{}", wrong.join("\n"));
    Ok(())
}
