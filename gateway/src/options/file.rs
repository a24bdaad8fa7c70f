//! Options from a TOML file: the flags' names with `_` for `-`, lists as arrays.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use toml::{Table, Value};

use super::entry::Entry;
use super::load::Given;
use super::nearest::nearest;
use super::table::entries;
use super::value_type::TomlType;
use super::{Exit, did_you_mean, escape, refuse};

/// The longest file that is read, in bytes: a wrong path such as a device must not fill the memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The longest time that nothing comes from a FIFO or a terminal, in seconds: a path that nobody writes to
/// must not keep the program from its start, or a reload from its end, without a word.
const MAX_SILENCE_S: i64 = 5;

/// Reads the whole file.
///
/// # Errors
/// The system's, one of kind [`ErrorKind::FileTooLarge`] above 1 MiB, or [`ErrorKind::TimedOut`] if nothing
/// came from it for 5 s.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A FIFO is opened, also while nobody writes to it.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    // One that nobody has opened for writing yet reads like one that has ended.
    if file.metadata()?.file_type().is_fifo() {
        wait_for_input(&file)?;
    }
    let mut bytes = Vec::new();
    loop {
        let left = (MAX_FILE_BYTES + 1).saturating_sub(bytes.len() as u64);
        match file.by_ref().take(left).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => {
                return Err(io::Error::new(ErrorKind::FileTooLarge, "longer than 1 MiB"));
            }
            Ok(_) => return Ok(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_input(&file)?,
            Err(error) => return Err(error),
        }
    }
}

/// Puts the option that names a file before a line about that file.
pub(crate) fn of_option(option: &'static str) -> impl Fn(String) -> String {
    move |line| format!("--{option}: {line}")
}

/// Warns if every user of this machine can read a file with a secret, and says what that is.
pub(crate) fn warn_if_public(path: &Path, secret: &str) {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0) {
        let name = escape::long(path);
        log::warn!("{name}: every user of this machine can read {secret} (chmod o-r)");
    }
}

/// Waits for bytes or the end of the file.
fn wait_for_input(file: &File) -> io::Result<()> {
    let patience = Timespec { tv_sec: MAX_SILENCE_S, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&patience)) {
            Ok(0) => {
                let why = format!("nothing came from it for {MAX_SILENCE_S} s");
                return Err(io::Error::new(ErrorKind::TimedOut, why));
            }
            Ok(_) => return Ok(()),
            // SIGHUP, which ends nothing.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is in a file.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) given: Vec<Given>,
    pub(super) mistakes: Vec<Exit>,
    /// The options whose values have a type that they do not take.
    pub(super) refused: Vec<&'static str>,
}

/// Parses the options in the content of the file, and returns all mistakes in it.
pub(super) fn parse(path: &Path, content: io::Result<Vec<u8>>) -> Parsed {
    let name = escape::long(path);
    let fail = |what: String| Exit::Error(format!("sysconn: {name}: {what}"));
    let bytes = match content {
        Ok(bytes) => bytes,
        Err(error) => {
            let line = format!("sysconn: --config: {name}: cannot be read: {error}");
            return Parsed { mistakes: vec![Exit::Error(line)], ..Parsed::default() };
        }
    };
    let table = match table(bytes) {
        Ok(table) => table,
        Err(what) => return Parsed { mistakes: vec![fail(what)], ..Parsed::default() },
    };
    let Parsed { mut given, mut mistakes, mut refused } = Parsed::default();
    for (key, value) in table {
        let Some(entry) = entries().find(|entry| entry.key() == key) else {
            let meant = nearest(&key, entries().map(Entry::key));
            mistakes.push(fail(format!("unknown key {}{}", escape::quoted(&key), did_you_mean(meant))));
            continue;
        };
        let origin = format!("{name}: {key}");
        match values(entry, &value) {
            Ok(values) => given.push(Given { entry, origin, values }),
            Err(wrong) => {
                refused.push(entry.name);
                // Texts are escaped like those of other sources.
                let wrong = wrong.as_str().map_or_else(|| escape::bare(wrong.to_string()), escape::quoted);
                mistakes.push(refuse(&origin, entry.value_type.expected(), &wrong));
            }
        }
    }
    Parsed { given, mistakes, refused }
}

/// Parses the content. The error says what is wrong with it.
fn table(bytes: Vec<u8>) -> Result<Table, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let (line, column) = position(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("line {line}, column {column}: not UTF-8")
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let (line, column) = position(text.as_bytes(), error.span().map_or(0, |span| span.start));
        format!("line {line}, column {column}: {}", escape::long(error.message()))
    })
}

/// The value as texts. The error is the part of it whose type the option does not take.
fn values<'a>(entry: &Entry, value: &'a Value) -> Result<Vec<OsString>, &'a Value> {
    match value {
        Value::Array(items) if entry.value_type.is_repeatable() => {
            items.iter().map(|item| text(entry.value_type.toml_type(), item).ok_or(item)).collect()
        }
        _ => text(entry.value_type.toml_type(), value).map(|text| vec![text]).ok_or(value),
    }
}

fn text(toml_type: TomlType, value: &Value) -> Option<OsString> {
    match (toml_type, value) {
        (TomlType::Text | TomlType::Number, Value::String(text)) => Some(text.into()),
        (TomlType::Number, Value::Integer(number)) => Some(number.to_string().into()),
        (TomlType::Switch, Value::Boolean(on)) => Some(on.to_string().into()),
        _ => None,
    }
}

/// The line and column of an offset, both from 1; columns count characters.
fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count();
    (lines + 1, column + 1)
}
