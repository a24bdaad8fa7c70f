//! Imports in the library: no circle has more than three files, and one file chooses the simulated network.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The most files that may import each other in a circle.
const MAX_CIRCLE: usize = 3;

/// A file of the library, by its module's path: `["reactor", "wheel"]`.
type Module = Vec<String>;

/// A file's code, and the names that its `use` items bring in.
#[derive(Default)]
struct Source {
    code: String,
    /// A name with the path that it stands for.
    names: BTreeMap<String, Vec<String>>,
    /// Paths whose names are all brought in.
    globs: Vec<Vec<String>>,
}

type Sources = BTreeMap<Module, Source>;

fn root() -> PathBuf {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from("."))
}

/// Reads all files below `folder`, except tests.
fn read(folder: &Path, module: &Module, sources: &mut Sources) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a name is not UTF-8")?;
        let mut inner = module.clone();
        if !matches!(name, "mod" | "lib") {
            inner.push(name.to_owned());
        }
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            read(&path, &inner, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(inner, Source { code: code_of(&fs::read_to_string(&path)?), ..Source::default() });
        }
    }
    Ok(())
}

/// A file without its comments and without its tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| {
        let is_comment = line.trim_start().starts_with("//");
        if is_comment { "" } else { line.split(" // ").next().unwrap_or_default() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths of a `use` item, each with the name that it brings in: `a::{b, c as d}` is two.
fn flatten(tree: &str, before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    if let Some((head, list)) = tree.split_once('{') {
        let mut path = before.to_vec();
        path.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let list = list.trim_end().strip_suffix('}').unwrap_or(list);
        let (mut depth, mut start) = (0, 0);
        for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    flatten(&list[start..at], &path, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if !tree.is_empty() {
        let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
        let mut whole = before.to_vec();
        whole.extend(path.split("::").map(|part| part.trim().to_owned()));
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        let name = name.map(str::trim).or(whole.last().map(String::as_str)).unwrap_or_default().to_owned();
        found.push((name, whole));
    }
}

/// The `use` items of a file.
fn uses(code: &str) -> Vec<(String, Vec<String>)> {
    let mut found = vec![];
    let starts = code.match_indices("use ").map(|(at, word)| (at, at + word.len()));
    for (at, start) in starts {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        if (line.is_empty() || line.starts_with("pub"))
            && let Some(tree) = code[start..].split(';').next()
        {
            flatten(tree, &[], &mut found);
        }
    }
    found
}

/// Paths within the code that begin at a module: `crate::a::b`, `super::c`, and `d::e` where `d` is a name of
/// the file's.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = vec![];
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
        if code[..start].ends_with("::") || start == at {
            continue;
        }
        let end = code[at..].find(|c| !is_word(c) && c != ':').map_or(code.len(), |end| at + end);
        found.push(code[start..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
    }
    found
}

/// The files that a path leads to, from a file: the files of all imported names on the way, and the last.
fn resolve(path: &[String], from: &Module, sources: &Sources, depth: u8, found: &mut BTreeSet<Module>) {
    let Some((first, mut rest)) = path.split_first() else { return };
    let mut module = from.clone();
    match first.as_str() {
        "crate" => module.clear(),
        "self" => {}
        "super" => drop(module.pop()),
        name => {
            let mut child = from.clone();
            child.push(name.to_owned());
            if sources.contains_key(&child) {
                module = child;
            } else if let Some(whole) = sources.get(from).and_then(|source| source.names.get(name))
                && depth > 0
                && whole.first() != Some(first)
            {
                let whole: Vec<_> = whole.iter().chain(rest).cloned().collect();
                return resolve(&whole, from, sources, depth - 1, found);
            } else {
                return;
            }
        }
    }
    while let Some((name, after)) = rest.split_first() {
        if name == "super" {
            module.pop();
        } else {
            module.push(name.clone());
            if !sources.contains_key(&module) {
                module.pop();
                break;
            }
        }
        rest = after;
    }
    found.insert(module.clone());
    let Some(source) = sources.get(&module) else { return };
    if depth == 0 {
        return;
    }
    if let Some(name) = rest.first() {
        if let Some(whole) = source.names.get(name) {
            let whole: Vec<_> = whole.iter().chain(&rest[1..]).cloned().collect();
            resolve(&whole, &module, sources, depth - 1, found);
        }
        for glob in &source.globs {
            let whole: Vec<_> = glob.iter().chain(rest).cloned().collect();
            resolve(&whole, &module, sources, depth - 1, found);
        }
    }
}

/// The imports of each file.
fn graph() -> Result<BTreeMap<Module, BTreeSet<Module>>> {
    let mut sources = Sources::new();
    read(&root().join("src"), &vec![], &mut sources)?;
    for source in sources.values_mut() {
        for (name, mut path) in uses(&source.code) {
            if name == "*" {
                path.pop();
                source.globs.push(path);
            } else {
                source.names.insert(name, path);
            }
        }
    }
    let mut graph = BTreeMap::new();
    for (module, source) in &sources {
        let mut found = BTreeSet::new();
        let used = paths(&source.code);
        for path in source.names.values().chain(&source.globs).chain(&used) {
            resolve(path, module, &sources, 4, &mut found);
        }
        found.remove(module);
        graph.insert(module.clone(), found);
    }
    Ok(graph)
}

/// The files that can be reached from one.
fn reached(from: &Module, graph: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = open.pop() {
        for next in graph.get(&module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The circles among the files of each folder at the top.
fn circles() -> Result<Vec<BTreeSet<Module>>> {
    let graph = graph()?;
    let folders: BTreeSet<_> =
        graph.keys().filter(|module| module.len() > 1).map(|module| &module[0]).collect();
    let mut circles = vec![];
    for folder in folders {
        let is_within = |module: &Module| module.first() == Some(folder);
        let within: BTreeMap<_, BTreeSet<_>> = graph
            .iter()
            .filter(|(module, _)| is_within(module))
            .map(|(module, uses)| {
                (module.clone(), uses.iter().filter(|used| is_within(used)).cloned().collect())
            })
            .collect();
        let all: BTreeMap<_, _> = within.keys().map(|module| (module, reached(module, &within))).collect();
        let mut seen = BTreeSet::new();
        for (module, reached) in &all {
            let circle: BTreeSet<_> =
                reached.iter().filter(|other| all[other].contains(*module)).cloned().collect();
            if circle.len() > 1 && seen.insert(circle.clone()) {
                circles.push(circle);
            }
        }
    }
    Ok(circles)
}

#[test]
fn no_circle_of_imports_is_large() -> Result {
    let mut large = vec![];
    for circle in circles()? {
        let files: Vec<_> = circle.iter().map(|module| module.join("/")).collect();
        println!("{} files: {}", files.len(), files.join(", "));
        if files.len() > MAX_CIRCLE {
            large.push(files);
        }
    }
    assert!(large.is_empty(), "circles of more than {MAX_CIRCLE} files: {large:#?}");
    Ok(())
}

#[test]
fn only_the_seam_knows_of_simulations() -> Result {
    let mut sources = Sources::new();
    read(&root().join("src"), &vec![], &mut sources)?;
    let asks = |source: &Source| source.code.contains("feature = \"sim\"");
    let asking: Vec<_> = sources
        .iter()
        .filter(|(_, source)| asks(source))
        .map(|(module, _)| module.join("/"))
        .filter(|path| !path.starts_with("sim/"))
        .collect();
    assert_eq!(asking, ["", "reactor/sys"], "files that ask for the feature `sim`");
    Ok(())
}

#[test]
fn imports_are_followed() -> Result {
    let graph = graph()?;
    let uses = |from: &str, to: &str| {
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
        graph.get(&module(from)).is_some_and(|found| found.contains(&module(to)))
    };
    // By name, through a re-export, and a path within the code.
    for (from, to) in
        [("frame/header", "frame/error"), ("conn/phase", "frame/decoder"), ("packet/codec", "inflate")]
    {
        assert!(uses(from, to), "{from} imports {to}");
    }
    assert!(!uses("frame/mask", "frame/decoder"));
    Ok(())
}
