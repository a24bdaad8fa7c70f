//! The defaults in docs/limits.md are those that `sysconn serve --help` shows.

use std::error::Error;
use std::process::Command;

const LIMITS: &str = include_str!("../docs/limits.md");

/// The first text between backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

#[test]
fn the_defaults_are_those_of_the_program() -> Result<(), Box<dyn Error>> {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    let output = serve.args(["serve", "--help"]).env_clear().output()?;
    let help = String::from_utf8(output.stdout)?;
    let mut checked = 0;
    for row in LIMITS.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, default, flag, _] = cells[..] else { continue };
        let Some(flag) = quoted(flag) else { continue };
        let line = help.lines().find(|line| line.trim_start().starts_with(&format!("{flag} ")));
        let line = line.ok_or_else(|| format!("no flag {flag}"))?;
        let default = quoted(default).ok_or_else(|| format!("no default of {flag}"))?;
        assert!(line.ends_with(&format!("[default: {default}]")), "{flag}: {line}");
        checked += 1;
    }
    assert!(checked >= 13, "only {checked} rows name a flag");
    Ok(())
}
