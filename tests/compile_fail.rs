//! Mistakes that must not compile: the compiler names each, and points at its line.
//!
//! A file in `compile_fail/` begins with `//! error: ` and a part of the compiler's first line; lines with
//! `//! says: ` and further parts may follow. `//~` is on each line where an error begins, or
//! `//~^` on the line below it, and nowhere else. The file that starts with `//! compiles` shows that the
//! shared code compiles.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFEST: &str = r#"[package]
name = "sysconn-compile-fail"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
prost = { version = "0.14", default-features = false, features = ["derive"] }
sysconn = { path = ROOT, default-features = false, features = ["protobuf"] }
"#;

/// How lines begin that the compiler and cargo print after all errors of a file.
const SUMMARIES: [&str; 3] =
    ["error: could not compile", "For more information about", "Some errors have detailed explanations"];

/// One file in `compile_fail/`.
struct Case {
    name: String,
    source: String,
}

/// One error of the compiler.
struct Mistake<'a> {
    /// All that is printed of it.
    text: &'a str,
    /// Its first line, without the word `error`.
    message: &'a str,
    /// The line of the file at which it points.
    line: Option<u32>,
}

impl<'a> Mistake<'a> {
    fn new(text: &'a str, file: &str) -> Self {
        let mut lines = text.lines();
        let message = lines.next().and_then(|line| line.split_once(": ")).map_or("", |(_, message)| message);
        let place = lines.next().and_then(|line| line.trim_start().strip_prefix("--> "));
        let numbers = place.and_then(|place| place.strip_prefix(file));
        let line = numbers.and_then(|numbers| numbers.split(':').next()?.parse().ok());
        Mistake { text, message, line }
    }
}

impl Case {
    fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        let name = path.file_stem().ok_or("a file without a name")?.to_string_lossy().into_owned();
        Ok(Case { name, source: fs::read_to_string(path)? })
    }

    /// The mismatch, if the compiler did not report what the file expects.
    fn verdict(&self, stderr: &str) -> Option<String> {
        let compiled =
            !stderr.contains(&format!("could not compile `sysconn-compile-fail` (bin \"{}\")", self.name));
        let place = format!("src/bin/{}.rs:", self.name);
        let is_summary = |line: &&str| SUMMARIES.iter().any(|summary| line.starts_with(summary));
        let printed: Vec<_> = stderr.lines().filter(|line| !is_summary(line)).collect();
        let printed = printed.join("\n");
        let mistakes: Vec<_> = printed
            .split("\n\n")
            .filter(|block| block.starts_with("error") && block.contains(&place))
            .map(|block| Mistake::new(block, &place))
            .collect();
        let wrong = match (self.source.starts_with("//! compiles\n"), compiled) {
            (true, true) => None,
            (true, false) => Some("does not compile".to_owned()),
            (false, true) => Some("compiles".to_owned()),
            (false, false) => self.difference(&mistakes),
        };
        let texts = || mistakes.iter().map(|mistake| mistake.text).collect::<Vec<_>>().join("\n\n");
        wrong.map(|wrong| format!("{}: {wrong}\n{}\n", self.name, texts()))
    }

    /// The first difference between the expected and the reported errors.
    fn difference(&self, found: &[Mistake<'_>]) -> Option<String> {
        let marked: Vec<_> = self.source.lines().zip(1..).filter_map(marked_line).collect();
        let mut pointed: Vec<_> = found.iter().filter_map(|mistake| mistake.line).collect();
        pointed.dedup();
        if marked.is_empty() || marked != pointed || found.iter().any(|mistake| mistake.line.is_none()) {
            return Some(format!("errors on lines {pointed:?} and not {marked:?}"));
        }
        let part = |key: &str| {
            let lines = self.source.lines().take_while(|line| line.starts_with("//! "));
            lines.filter_map(|line| line.strip_prefix(key)).collect::<Vec<_>>()
        };
        let (messages, says) = (part("//! error: "), part("//! says: "));
        let fits = |mistake: &Mistake<'_>| {
            messages.iter().all(|message| mistake.message.contains(message))
                && says.iter().all(|text| mistake.text.contains(text))
        };
        let fits = messages.len() == 1 && found.iter().any(fits);
        (!fits).then(|| format!("no error says all of {messages:?} {says:?}"))
    }
}

/// The number of the line that a numbered line marks.
fn marked_line((line, number): (&str, u32)) -> Option<u32> {
    match line.split_once("//~")?.1 {
        "" => Some(number),
        "^" => Some(number - 1),
        _ => None,
    }
}

/// A package with one binary per case, and the lock file of this one, so that nothing has to be
/// downloaded for it.
fn package(cases: &[Case]) -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-fail");
    let binaries = package.join("src/bin");
    if binaries.exists() {
        fs::remove_dir_all(&binaries)?;
    }
    fs::create_dir_all(&binaries)?;
    fs::write(package.join("Cargo.toml"), MANIFEST.replace("ROOT", &format!("{root:?}")))?;
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    for case in cases {
        fs::write(binaries.join(&case.name).with_extension("rs"), &case.source)?;
    }
    Ok(package)
}

#[test]
fn mistakes_do_not_compile() -> Result<(), Box<dyn Error>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail"))? {
        cases.push(Case::new(&entry?.path())?);
    }
    assert!(cases.len() >= 2, "there is nothing to compile");
    let package = package(&cases)?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["check", "--quiet", "--offline", "--bins", "--keep-going"]).current_dir(&package);
    let output = command.env("CARGO_TARGET_DIR", package.join("target")).output()?;
    let stderr = String::from_utf8(output.stderr)?;
    let wrong: Vec<_> = cases.iter().filter_map(|case| case.verdict(&stderr)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
