//! The ten steps of docs/embedding.md: the program after each of them compiles, and the tests of the last one
//! pass.
//!
//! `step_N.rs` is the program after step N. The test below makes it from the page and compares it; with
//! `SYSCONN_WRITE=1` it writes the files.

#![cfg(feature = "sim")]
#![allow(dead_code, reason = "the programs are compiled and not run")]

mod step_1;
mod step_10;
mod step_2;
mod step_3;
mod step_4;
mod step_5;
mod step_6;
mod step_7;
mod step_8;
mod step_9;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

const PAGE: &str = include_str!("../../docs/embedding.md");

/// The headings of the steps begin with their numbers.
fn steps() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.split("\n## ")
        .filter_map(|section| section.split_once(". "))
        .filter(|(number, _)| number.parse::<u32>().is_ok())
}

/// The Rust code of a section.
fn code(section: &str) -> String {
    let blocks = section.split("```rs\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

fn is_attribute(line: &str) -> bool {
    line.starts_with("//") || line.starts_with("#[")
}

/// The items of some code as rustfmt leaves it: each ends with a line that is not indented.
fn items(code: &str) -> Vec<String> {
    let (mut items, mut item) = (vec![], String::new());
    for line in code.lines().map(|line| format!("{line}\n")) {
        if item.is_empty() && line == "\n" {
            continue;
        }
        item += &line;
        if !line.starts_with(' ') && !is_attribute(&line) && line.trim_end().ends_with(['}', ';']) {
            items.push(std::mem::take(&mut item));
        }
    }
    items
}

/// What the item defines: items with the same head take each other's place.
fn head(item: &str) -> &str {
    let line = item.lines().find(|line| !is_attribute(line)).unwrap_or_default();
    if line.starts_with("use ") { line } else { line.split(['(', '{', ':', ';']).next().unwrap_or(line) }
}

/// The program of these items.
fn program(number: &str, items: &[String]) -> String {
    let (mut uses, rest): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.starts_with("use "));
    // In the order of rustfmt.
    uses.sort_unstable_by_key(|line| line.replace('*', "~"));
    let uses: String = uses.into_iter().map(String::as_str).collect();
    let rest: String = rest.into_iter().map(|item| format!("\n{item}")).collect();
    format!("//! Step {number} of docs/embedding.md. Written by main.rs.\n\n{uses}{rest}")
}

#[test]
fn the_programs_are_those_of_the_page() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide");
    let (mut all, mut count) = (Vec::<String>::new(), 0);
    for (number, section) in steps() {
        for item in items(&code(section)) {
            match all.iter_mut().find(|earlier| head(earlier) == head(&item)) {
                Some(earlier) => *earlier = item,
                None => all.push(item),
            }
        }
        let (program, file) = (program(number, &all), folder.join(format!("step_{number}.rs")));
        if env::var_os("SYSCONN_WRITE").is_some() {
            fs::write(&file, program)?;
        } else if fs::read_to_string(&file)? != program {
            return Err(format!("step {number} has changed: SYSCONN_WRITE=1 cargo test --test guide").into());
        }
        count += 1;
    }
    assert_eq!(count, 10);
    Ok(())
}
