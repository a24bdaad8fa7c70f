//! Tables of the values that each source accepts, and of the error line for each mistake.

mod cluster;
mod mistakes;
mod sources;

use std::path::Path;

use super::entry::{Entry, InEcho};
use super::table::entries;
use super::*;

/// Names and values of environment variables.
type Env<'a> = &'a [(&'a str, &'a str)];

const FILE: &str = "s.toml";
const EXAMPLE: &str = include_str!("../../../sysconn.example.toml");

/// Runs `load` on a command line, with `file` as the content of any file that it names.
fn run(line: &[&str], file: &str, env: Env<'_>) -> Result<Options, Exit> {
    let args = ["sysconn"].iter().chain(line).map(OsString::from);
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    options(load_with(args, env, |path: &Path| {
        assert_eq!(path, Path::new(FILE));
        Ok(file.as_bytes().to_vec())
    }))
}

fn options(task: Result<Task, Exit>) -> Result<Options, Exit> {
    task.map(|task| match task {
        Task::Serve(options) => *options,
        other => panic!("{other:?}"),
    })
}

/// The options of `serve` with these arguments, for tests of other parts.
pub(crate) fn serve_options(arguments: &[&str]) -> Options {
    run(arguments, "", &[]).expect("valid options")
}

/// The error of `serve` for these arguments, for tests of other parts.
pub(crate) fn serve_error(arguments: &[&str]) -> String {
    line(run(arguments, "", &[]))
}

fn from_file(mode: &str, file: &str) -> Result<Options, Exit> {
    run(&[mode, "--config", FILE], file, &[])
}

/// Everything in the options, to compare, except for where they were given: `Config` has no equality.
fn all(options: Result<Options, Exit>) -> String {
    let options = Options { origins: Origins::default(), ..options.expect("valid options") };
    format!("{options:#?}")
}

fn line(result: Result<Options, Exit>) -> String {
    match result {
        Err(Exit::Error(line)) => line,
        other => panic!("no error: {other:?}"),
    }
}
