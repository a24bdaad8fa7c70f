//! Relative links in the documentation lead to files, and to headings within them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{ROOT, Result, files, read};

/// The text outside of code blocks.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            prose += line;
            prose.push('\n');
        }
    }
    prose
}

/// The targets of all links: the texts between `](` and `)`.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.trim().to_owned()).collect()
}

/// The anchor that GitHub gives a heading: lower case, dashes for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a page, those of equal headings numbered.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = vec![];
    let prose = prose(text);
    for heading in prose.lines().filter(|line| line.starts_with('#')) {
        let name = anchor(heading);
        let earlier = anchors.iter().filter(|a| **a == name || a.starts_with(&format!("{name}-"))).count();
        anchors.push(if anchors.contains(&name) { format!("{name}-{earlier}") } else { name });
    }
    anchors
}

/// `page/../target`, without the `..`; none if it leads out of the project.
pub(super) fn resolve(page: &Path, target: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_path_buf();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir if !path.pop() => return None,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

/// Whether a link leads to a file and, within it, to a heading. `known` has the anchors of pages that were
/// read.
fn leads(page: &Path, target: &str, known: &mut BTreeMap<PathBuf, Vec<String>>) -> Result<bool> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(page.to_path_buf()) } else { resolve(page, file) };
    let Some(path) = path.filter(|path| Path::new(ROOT).join(path).exists()) else { return Ok(false) };
    if anchor.is_empty() {
        return Ok(true);
    }
    if !known.contains_key(&path) {
        known.insert(path.clone(), anchors(&read(&path)?));
    }
    Ok(known[&path].iter().any(|known| known == anchor))
}

#[test]
fn links_lead_somewhere() -> Result {
    let (mut checked, mut broken, mut known) = (0, vec![], BTreeMap::new());
    for page in files("", "md")? {
        let text = read(&page)?;
        // Generated parts are compared with their sources.
        let written = text.split("<!-- generated: begin -->").next().unwrap_or_default();
        for target in targets(written) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            if !leads(&page, &target, &mut known)? {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(checked >= 100, "only {checked} links");
    Ok(())
}

#[test]
fn the_summary_lists_every_page() -> Result {
    let summary = read(Path::new("docs/SUMMARY.md"))?;
    let listed = targets(&summary);
    let pages = files("docs", "md")?;
    let names =
        pages.iter().filter_map(|page| page.file_name()?.to_str()).filter(|name| *name != "SUMMARY.md");
    let missing: Vec<_> = names.filter(|name| !listed.iter().any(|listed| listed == name)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    Ok(())
}

#[test]
fn every_test_program_is_listed() -> Result {
    let listed = targets(&read(Path::new("tests/README.md"))?);
    let mut missing = vec![];
    for folder in ["tests", "gateway/tests", "cluster/tests"] {
        for path in files(folder, "rs")? {
            let below = path.strip_prefix(folder)?;
            // A program is a file of its own, or a folder with a `main.rs`; folders with packages of their
            // own have a manifest.
            let is_program =
                below.iter().count() == 1 || (below.iter().count() == 2 && path.ends_with("main.rs"));
            let link = if folder == "tests" { below.to_path_buf() } else { Path::new("..").join(&path) };
            if is_program && !listed.iter().any(|listed| Path::new(listed) == link) {
                missing.push(path.display().to_string());
            }
        }
    }
    assert!(missing.is_empty(), "tests/README.md does not list {missing:?}");
    Ok(())
}
