//! docs/source.md lists each file with the first sentence of its own documentation: compared, or regenerated.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ROOT, Result, files, is_test, read};

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

/// Folders in the order in which a packet meets them; others follow, in the order of their names.
const ORDER: [&str; 17] = [
    "gateway/src",
    "src",
    "src/config",
    "src/workers",
    "src/reactor",
    "src/conn",
    "src/upgrade",
    "src/frame",
    "src/deflate",
    "src/inflate",
    "src/packet",
    "src/router",
    "src/handle",
    "src/record",
    "src/token",
    "src/recording",
    "src/replay",
];

/// The folder whose table lists a file: the package's own, or the one below it.
fn folder(path: &Path) -> Result<String> {
    let folder = path.parent().and_then(Path::to_str).ok_or("a file without a folder")?;
    let (package, below) = folder.split_at(folder.find("src").ok_or("a file outside of src")? + "src".len());
    match below.split('/').nth(1) {
        Some(first) => Ok(format!("{package}/{first}")),
        None => Ok(package.to_owned()),
    }
}

/// The first sentence of a file's `//!` documentation.
fn purpose(code: &str) -> Option<String> {
    let lines = code.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<_> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let sentence = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
    (!sentence.is_empty()).then(|| without_links(sentence.trim_end_matches(['.', ':'])).replace('|', "\\|"))
}

/// The text with each rustdoc link replaced by its label: ``[`Job`]`` and ``[`stock`](super::stock)``.
fn without_links(text: &str) -> String {
    let mut pieces = text.split("[`");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("`]").unwrap_or((piece, ""));
        let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        plain += &format!("`{name}`{}", target.map_or(rest, |(_, rest)| rest));
    }
    plain
}

/// The generated part of docs/source.md.
fn generated() -> Result<String> {
    let mut folders: BTreeMap<(usize, String), Vec<PathBuf>> = BTreeMap::new();
    for path in
        files("gateway/src", "rs")?.into_iter().chain(files("src", "rs")?).chain(files("cluster/src", "rs")?)
    {
        if !is_test(&path) {
            let folder = folder(&path)?;
            let place = ORDER.iter().position(|&listed| listed == folder).unwrap_or(ORDER.len());
            folders.entry((place, folder)).or_default().push(path);
        }
    }
    let mut text = String::new();
    for ((_, folder), mut paths) in folders {
        text += &format!("\n## {folder}/\n\n| File | What it is for |\n| --- | --- |\n");
        // The file that describes the whole folder comes first.
        paths.sort_by_key(|path| !path.ends_with("mod.rs") && !path.ends_with("lib.rs"));
        for path in paths {
            let code = read(&path)?;
            if code.lines().take(5).any(|line| line.contains("@generated")) {
                continue;
            }
            let purpose =
                purpose(&code).ok_or_else(|| format!("{} does not say what it is for", path.display()))?;
            let name = path.strip_prefix(&folder)?.display().to_string();
            text += &format!("| [{name}](../{}) | {purpose} |\n", path.display());
        }
    }
    Ok(text + "\n")
}

#[test]
fn the_map_of_the_source_is_that_of_the_files() -> Result {
    let page = Path::new(ROOT).join("docs/source.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) =
        text.split_once(BEGIN).ok_or("docs/source.md: no beginning of the generated part")?;
    let (listed, after) = rest.split_once(END).ok_or("docs/source.md: no end of the generated part")?;
    let generated = generated()?;
    if env::var_os("SYSCONN_WRITE").is_some() {
        fs::write(&page, format!("{before}{BEGIN}{generated}{END}{after}"))?;
    } else if listed != generated {
        let missing = generated.lines().filter(|line| !listed.lines().any(|listed| listed == *line));
        let stale = listed.lines().filter(|line| !generated.lines().any(|made| made == *line));
        let lines: Vec<_> =
            missing.map(|l| format!("+ {l}")).chain(stale.map(|l| format!("- {l}"))).collect();
        return Err(format!(
            "docs/source.md is not up to date; SYSCONN_WRITE=1 cargo test --test documentation writes it:\n{}",
            lines.join("\n")
        )
        .into());
    }
    Ok(())
}
