//! The style that CONTRIBUTING.md asks for, of every Rust file and every page: lengths, widths, first lines,
//! `unsafe`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a Rust file, tests included.
const MAX_FILE_LINES: usize = 400;
/// The most characters of a line.
const MAX_WIDTH: usize = 110;
/// The most lines of a function, which clippy counts.
const MAX_FUNCTION_LINES: usize = 70;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// All files of the project with this extension, with their text, in order. Build output and hidden folders
/// are left out.
fn files(extension: &str) -> Result<Vec<(PathBuf, String)>> {
    let (mut found, mut folders) = (vec![], vec![PathBuf::from(ROOT)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if name != "target" && name != "corpus" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push((path.strip_prefix(ROOT)?.to_path_buf(), fs::read_to_string(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Rust files that people write.
fn sources() -> Result<Vec<(PathBuf, String)>> {
    let mut files = files("rs")?;
    files.retain(|(_, text)| !text.lines().take(5).any(|line| line.contains("@generated")));
    assert!(files.len() > 200, "only {} files were found", files.len());
    Ok(files)
}

/// Fails with all offenders, if there are any.
fn report(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}: {} offenders\n{}", offenders.len(), offenders.join("\n"));
}

/// The text of a paragraph on one line, single spaces between its words.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_text_names_these_numbers() -> Result {
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name));
    let contributing = flowing(&read("CONTRIBUTING.md")?);
    for said in [
        format!("at most {MAX_FILE_LINES} lines, tests included"),
        format!("at most {MAX_WIDTH} characters wide"),
        format!("A function has at most {MAX_FUNCTION_LINES} lines"),
    ] {
        assert!(contributing.contains(&said), "CONTRIBUTING.md does not say {said:?}");
    }
    assert!(read(".clippy.toml")?.contains(&format!("too-many-lines-threshold = {MAX_FUNCTION_LINES}\n")));
    assert!(read("rustfmt.toml")?.contains(&format!("max_width = {MAX_WIDTH}\n")));
    Ok(())
}

#[test]
fn files_are_short() -> Result {
    let lengths = sources()?.into_iter().map(|(path, text)| (text.lines().count(), path));
    let long = lengths.filter(|(lines, _)| *lines > MAX_FILE_LINES);
    let offenders: Vec<_> = long.map(|(lines, path)| format!("{}: {lines} lines", path.display())).collect();
    report("a file is longer than it may be", &offenders);
    Ok(())
}

#[test]
fn files_say_what_they_are_for() -> Result {
    let silent = sources()?.into_iter().filter(|(_, text)| !text.starts_with("//! "));
    let offenders: Vec<_> = silent.map(|(path, _)| path.display().to_string()).collect();
    report("the first line is no `//!` line", &offenders);
    Ok(())
}

/// A line without the contents of its string literals, which may be as long as they like.
fn without_strings(line: &str) -> String {
    let (mut kept, mut in_string, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        let quote = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if quote {
            in_string = !in_string;
        }
        if quote || !in_string {
            kept.push(c);
        }
    }
    kept
}

/// Whether a line of text is too wide, and could be broken: whether there is a space before the limit, behind
/// the mark that it begins with.
fn is_wide(line: &str, mark: usize) -> bool {
    let text: Vec<char> = line.chars().collect();
    text.len() > MAX_WIDTH && text[mark..=MAX_WIDTH].contains(&' ')
}

/// Whether a line is part of a drawing, in which spaces have a meaning.
fn is_drawing(text: &str) -> bool {
    text.chars().any(|c| ('\u{2500}'..='\u{25ff}').contains(&c))
}

#[test]
fn lines_of_code_are_not_wide() -> Result {
    let mut offenders = vec![];
    for (path, text) in sources()? {
        let (mut in_block, mut in_string) = (false, false);
        for (number, line) in (1..).zip(text.lines()) {
            let bare = line.trim_start();
            let comment = bare.trim_start_matches('/').trim_start_matches('!');
            let is_wide = if bare.starts_with("//") {
                in_block ^= comment.trim_start().starts_with("```");
                let mark = line.len() - comment.trim_start().len();
                !in_block
                    && !is_drawing(comment)
                    && !comment.trim_start().starts_with('|')
                    && is_wide(line, mark)
            } else {
                in_block = false;
                // A string that goes on over lines is a string in all of them.
                let quotes = line.chars().filter(|&c| c == '"').count();
                let was_in_string = in_string;
                in_string ^= quotes % 2 == 1;
                !was_in_string && !in_string && without_strings(line).chars().count() > MAX_WIDTH
            };
            if is_wide {
                offenders.push(format!("{}:{number}: {} wide", path.display(), line.chars().count()));
            }
        }
    }
    report("a line is wider than it may be", &offenders);
    Ok(())
}

#[test]
fn lines_of_prose_are_not_wide() -> Result {
    let mut offenders = vec![];
    for (path, text) in files("md")? {
        let (mut in_block, mut after_blank) = (false, true);
        for (number, line) in (1..).zip(text.lines()) {
            let bare = line.trim_start();
            let is_code = bare.starts_with("```") || in_block || (after_blank && line.starts_with("    "));
            in_block ^= bare.starts_with("```");
            let is_apart = is_code || bare.starts_with('|') || bare.starts_with('<') || bare.starts_with('#');
            let mark = line.len() - bare.trim_start_matches(['-', '*', '>', ' ']).len();
            if !is_apart && is_wide(line, mark) {
                offenders.push(format!("{}:{number}: {} wide", path.display(), line.chars().count()));
            }
            after_blank = bare.is_empty() || (after_blank && is_code);
        }
    }
    report("a line is wider than it may be", &offenders);
    Ok(())
}

/// Whether a line of code, comments and strings aside, has the keyword `unsafe`.
fn is_unsafe(line: &str) -> bool {
    let code = without_strings(line);
    let code = code.split("//").next().unwrap_or_default();
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

#[test]
fn unsafe_code_is_where_the_text_says() -> Result {
    let contributing = fs::read_to_string(Path::new(ROOT).join("CONTRIBUTING.md"))?;
    let (_, rule) = contributing.split_once("**`unsafe`**").ok_or("no rule about unsafe")?;
    let rule = rule.split("\n- ").next().unwrap_or_default();
    let listed: BTreeSet<_> = rule.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let sources = sources()?;
    let found = sources.iter().filter(|(_, text)| text.lines().any(is_unsafe));
    let found: BTreeSet<_> = found.filter_map(|(path, _)| path.to_str()).collect();
    assert_eq!(found, listed, "files with unsafe code, and those that CONTRIBUTING.md lists");
    Ok(())
}
