//! What the documentation says about options is what the program says: the defaults in docs/limits.md, and
//! docs/options.md. `SYSCONN_WRITE=1` writes the latter.

use std::error::Error;
use std::process::Command;

const LIMITS: &str = include_str!("../../docs/limits.md");

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The cells of all rows of all tables.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_defaults_are_those_of_the_program() -> Result {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sysconn")).args(["serve", "--help"]).env_clear().output()?;
    let help = String::from_utf8(output.stdout)?;
    let mut checked = 0;
    for row in rows(LIMITS) {
        let [_, default, flag, ..] = row[..] else { continue };
        let Some(flag) = quoted(flag).next() else { continue };
        let line = help.lines().find(|line| line.trim_start().starts_with(&format!("{flag} ")));
        let line = line.ok_or_else(|| format!("no flag {flag}"))?;
        let default = quoted(default).next().ok_or_else(|| format!("no default of {flag}"))?;
        assert!(line.ends_with(&format!("[default: {default}]")), "{flag}: {line}");
        checked += 1;
    }
    assert!(checked >= 13, "only {checked} rows name a flag");
    Ok(())
}

#[test]
fn the_page_of_options_is_what_the_program_prints() -> Result {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sysconn")).args(["config", "--markdown"]).env_clear().output()?;
    let page = String::from_utf8(output.stdout)?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/options.md");
    if std::env::var_os("SYSCONN_WRITE").is_some() {
        std::fs::write(path, &page)?;
    }
    assert!(std::fs::read_to_string(path)? == page, "run this test with SYSCONN_WRITE=1");
    Ok(())
}
