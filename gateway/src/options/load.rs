//! Reads options from all their sources, and finds every problem with them.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::command::{self, CommandLine};
use super::entry::{Entry, InEcho};
use super::environment::{self, Environment};
use super::origins::Origins;
use super::table::entries;
use super::{Exit, Mode, Options, Task, file, last};

/// The command line and the environment. The file that they may name is not read yet.
pub(crate) struct Sources {
    command: CommandLine,
    environment: Environment,
}

/// The value of one option in one source.
pub(super) struct Given {
    pub(super) entry: &'static Entry,
    /// Where it was given, such as `--max-len` or `FILE: max_len`.
    pub(super) origin: String,
    /// One value, or any number for a repeatable option.
    pub(super) values: Vec<OsString>,
}

/// The options, and what is wrong with them.
pub(crate) struct Checked {
    pub(crate) options: Options,
    /// A line for each problem: first those of the file, then of single values, then of values that do not go
    /// together. Of an option with a bad value there is no other line.
    pub(crate) problems: Vec<String>,
    /// Each option with its value and where that came from.
    pub(crate) effective: Vec<Effective>,
}

/// The value that an option has.
pub(crate) struct Effective {
    pub(crate) key: String,
    /// Empty: none.
    pub(crate) value: String,
    /// Where it was given, or `default`.
    pub(crate) origin: String,
}

/// Parses the arguments, the name of the program first, and the environment. It reads no file.
///
/// # Errors
/// [`Exit::Help`] if the arguments ask for it; otherwise [`Exit::Error`] for the first mistake.
pub(crate) fn sources(
    args: impl Iterator<Item = OsString>,
    env: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Task<Sources>, Exit> {
    let with_environment = |command| Sources { command, environment: environment::parse(env) };
    Ok(match command::parse(args)? {
        Task::Serve(command) => Task::Serve(with_environment(command)),
        Task::Check(command, quiet) => Task::Check(with_environment(command), quiet),
        Task::Health(command, url) => Task::Health(with_environment(command), url),
        Task::Tool(tool) => Task::Tool(tool),
    })
}

impl Sources {
    /// All options, including the file's. Reading it, and resolving names of hosts, can take any time.
    ///
    /// An invalid value is an error even if a source of higher precedence overrides it.
    ///
    /// # Errors
    /// [`Exit::Error`] for the first mistake.
    pub(crate) fn options(&self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Result<Options, Exit> {
        let Checked { options, problems, .. } = self.check(read);
        problems.into_iter().next().map_or(Ok(options), |line| Err(Exit::Error(line)))
    }

    /// All options, and all problems with them.
    pub(crate) fn check(&self, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> Checked {
        let path = self.command.file.as_ref().or(self.environment.file.as_ref());
        let file = path.map(|path| file::parse(path, read(path))).unwrap_or_default();
        let mut problems = file.mistakes;
        let mut options = Options::new(self.command.mode);
        options.refused = file.refused;
        options.ignored_environment.clone_from(&self.environment.ignored);
        let mut given: Vec<&Given> = vec![];
        for one in self.environment.given.iter().chain(&file.given).chain(&self.command.given) {
            let mut changed = options.clone();
            match changed.apply(one) {
                Ok(()) => {
                    options = changed;
                    given.push(one);
                }
                Err(exit) => {
                    options.refused.push(one.entry.name);
                    problems.push(exit);
                }
            }
        }
        options.origins = Origins::new(&given);
        let conflicts = options.complete(&given).into_iter().map(Exit::into_text);
        let mut problems: Vec<_> = problems.into_iter().map(Exit::into_text).collect();
        problems.extend(conflicts.filter(|line| !options.names_refused(line)));
        let effective = effective(&options, &given);
        Checked { options, problems, effective }
    }
}

/// The options that apply, in the order of the help.
fn effective(options: &Options, given: &[&Given]) -> Vec<Effective> {
    let applied = entries().filter(|entry| entry.applies_to(options.mode));
    let one = |entry: &'static Entry| {
        let (value, origin) = match (last(given, entry.name), entry.echo) {
            (Some(given), _) => (list(&given.values), given.origin.as_str()),
            (None, InEcho::Default(default)) if options.mode == Mode::Echo => (default.to_owned(), "default"),
            (None, _) => match options.derived(entry.name) {
                Some((value, why)) => (value, why),
                None => (entry.default.to_owned(), "default"),
            },
        };
        Effective { key: entry.key(), value, origin: origin.to_owned() }
    };
    applied.map(one).collect()
}

fn list(values: &[OsString]) -> String {
    let texts: Vec<_> = values.iter().map(super::escape::long).collect();
    texts.join(", ")
}
