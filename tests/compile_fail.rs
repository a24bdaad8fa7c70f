//! Mistakes that must not compile: each file in `compile_fail/` names, in its first line, a part of the error
//! that it has to end with. The file that starts with `//! compiles` shows that the shared code compiles.

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
sysconn = { path = ROOT, default-features = false }
"#;

/// One file in `compile_fail/`.
struct Case {
    name: String,
    source: String,
}

impl Case {
    fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        let name = path.file_stem().ok_or("a file without a name")?.to_string_lossy().into_owned();
        Ok(Case { name, source: fs::read_to_string(path)? })
    }

    /// The mismatch, if the compiler did not report the error that the first line expects.
    fn verdict(&self, compiled: bool, stderr: &str) -> Option<String> {
        let first = self.source.lines().next().unwrap_or_default();
        let wrong = match (first, first.strip_prefix("//! error: "), compiled) {
            ("//! compiles", _, true) => None,
            ("//! compiles", _, false) => Some("does not compile"),
            (_, Some(_), true) => Some("compiles"),
            (_, Some(text), false) => (!stderr.contains(text)).then_some("fails for another reason"),
            (_, None, _) => Some("begins with neither `//! error: ` nor `//! compiles`"),
        };
        wrong.map(|wrong| format!("{}: {wrong}\n{stderr}", self.name))
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
    let mut wrong = Vec::new();
    for case in &cases {
        let mut command = Command::new(env!("CARGO"));
        command.args(["check", "--quiet", "--offline", "--bin", &case.name]).current_dir(&package);
        let output = command.env("CARGO_TARGET_DIR", package.join("target")).output()?;
        wrong.extend(case.verdict(output.status.success(), &String::from_utf8_lossy(&output.stderr)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
