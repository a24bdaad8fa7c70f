//! The `sysconn` program: a game gateway (`serve`), and a plain WebSocket echo (`echo`).

mod program;

use std::io::Write;
use std::process::ExitCode;

use program::options::{Exit, load};
use program::{LogSink, run};

/// The command line, the configuration or an address cannot be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // A reader that has gone away is no reason to fail: what is written here is the last word.
    match load(std::env::args_os(), std::env::vars_os()) {
        Ok(options) => match run(options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                let _ = LogSink::new(std::io::stderr()).write_all(format!("sysconn: {line}\n").as_bytes());
                ExitCode::from(UNUSABLE)
            }
        },
        Err(Exit::Help(text)) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Exit::Error(line)) => {
            let _ = writeln!(std::io::stderr(), "{line}");
            ExitCode::from(UNUSABLE)
        }
    }
}
