//! Any bytes as the program's configuration file: either accepted as a valid configuration, or refused by one
//! line that says where the fault is.
//!
//! Input: the command it is for (1 byte; odd: `echo`), then the file.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the program's own module, of which not all is needed here")]
#[path = "../../gateway/src/options/mod.rs"]
mod options;

use std::net::IpAddr;

use libfuzzer_sys::{Corpus, fuzz_target};
use options::{Exit, Mode, Sources, Task, sources};
use sysconn_fuzz::bounded;

/// The name of the file.
const FILE: &str = "a.toml";
/// The key of the addresses to listen on.
const LISTEN: &str = "listen";

thread_local! {
    /// The command lines that name the file.
    static COMMANDS: [(Mode, Sources); 2] = [Mode::Serve, Mode::Echo].map(|mode| (mode, command(mode)));
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let &[program, ref file @ ..] = data else { return Corpus::Reject };
    if names_a_host(file) {
        return Corpus::Reject;
    }
    COMMANDS.with(|commands| {
        let (mode, sources) = &commands[usize::from(program & 1)];
        let mut loaded = None;
        bounded(|| loaded = Some(sources.options(|_| Ok(file.to_vec()))));
        match loaded.expect("it is done") {
            Ok(options) => {
                assert_eq!(options.mode, *mode);
                assert_eq!(options.config.validate(), Ok(()));
                assert!(options.ignored_environment.is_empty());
            }
            Err(Exit::Error(line)) => check_error(&line, file),
            Err(Exit::Help(_)) => panic!("help was not requested"),
        }
    });
    Corpus::Keep
});

fn command(mode: Mode) -> Sources {
    let name = if mode == Mode::Serve { "serve" } else { "echo" };
    let args = ["sysconn", name, "--config", FILE].map(Into::into);
    match sources(args.into_iter(), std::iter::empty()) {
        Ok(Task::Serve(sources)) => sources,
        _ => panic!("serving was requested"),
    }
}

/// Checks an error: one line without control characters, with the file's name and a place in it or a key.
fn check_error(line: &str, file: &[u8]) {
    assert!(line.chars().all(|letter| !letter.is_control()), "{line:?}");
    assert!(line.len() < 4096, "{} bytes", line.len());
    let fault = line.strip_prefix("sysconn: ").and_then(|rest| rest.strip_prefix(FILE)?.strip_prefix(": "));
    let Some(fault) = fault else { panic!("{line}: without the file's name") };
    let (place, what) = fault.split_once(": ").unwrap_or((fault, ""));
    if let Some(place) = place.strip_prefix("line ") {
        let (row, column) = place.split_once(", column ").expect("a line and a column");
        let row: usize = row.parse().expect("the number of a line");
        let lines = file.split(|&byte| byte == b'\n').count();
        assert!((1..=lines).contains(&row), "{line}");
        assert!(column.parse::<usize>().is_ok_and(|column| column > 0), "{line}");
        assert!(!what.is_empty(), "{line}");
    } else if !fault.starts_with("unknown key \"") {
        let is_key =
            place.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(is_key && what.starts_with("expected "), "{line}");
    }
}

/// Whether the file listens on a host name, which would be looked up.
fn names_a_host(file: &[u8]) -> bool {
    // A key can be written with escapes.
    if !file.contains(&b'\\') && !file.windows(LISTEN.len()).any(|part| part == LISTEN.as_bytes()) {
        return false;
    }
    let table = str::from_utf8(file).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let listen = match table.as_ref().and_then(|table| table.get(LISTEN)) {
        Some(toml::Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
        None => return false,
    };
    listen.iter().filter_map(toml::Value::as_str).any(|address| {
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        !address.starts_with("unix:") && !plain.is_empty() && plain.parse::<IpAddr>().is_err()
    })
}
