//! Options from the environment: `SYSCONN_MAX_LEN=512KiB`, lists with commas.

use std::ffi::OsString;
use std::path::PathBuf;

use super::entry::Entry;
use super::escape;
use super::load::Given;
use super::table::entries;

const PREFIX: &[u8] = b"SYSCONN_";
const FILE: &str = "SYSCONN_CONFIG";

/// The options in the environment.
pub(super) struct Environment {
    pub(super) given: Vec<Given>,
    /// The file to read, unless the command line names one.
    pub(super) file: Option<PathBuf>,
    /// See [`super::Options::ignored_environment`].
    pub(super) ignored: Vec<String>,
}

/// Picks the variables of options. An empty value counts as none.
pub(super) fn parse(env: impl Iterator<Item = (OsString, OsString)>) -> Environment {
    let ours = |(name, value): &(OsString, OsString)| {
        name.as_encoded_bytes().starts_with(PREFIX) && !value.is_empty()
    };
    let mut variables: Vec<_> = env.filter(ours).collect();
    // The order of the environment is arbitrary; which of two errors is reported should not be.
    variables.sort();

    let mut environment = Environment { given: Vec::new(), file: None, ignored: Vec::new() };
    for (name, value) in variables {
        if name == FILE {
            environment.file = Some(PathBuf::from(value));
        } else if let Some(entry) = entries().find(|entry| name == *entry.variable()) {
            environment.given.push(Given { entry, origin: entry.variable(), values: values(entry, value) });
        } else {
            environment.ignored.push(escape::bare(name));
        }
    }
    environment
}

/// The value, or its parts if the option is repeatable. A value that is not UTF-8 stays whole: no option
/// takes it.
fn values(entry: &Entry, value: OsString) -> Vec<OsString> {
    match value.to_str() {
        Some(list) if entry.value_type.is_repeatable() => {
            list.split(',').map(|item| item.trim().into()).collect()
        }
        _ => vec![value],
    }
}
