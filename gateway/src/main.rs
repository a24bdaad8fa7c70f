//! The `sysconn` program: a game gateway (`serve`), a plain WebSocket echo (`echo`), and a look at what one
//! of them recorded (`replay`).

mod certificates;
mod cpus;
mod delay;
mod descriptors;
mod log_format;
mod log_sink;
mod messages;
mod modules;
mod options;
mod panics;
mod reload;
mod replay;
mod run;
mod signals;
mod tls;
mod token_keys;

use std::io::Write;
use std::process::ExitCode;

use log_sink::LogSink;
use options::{Exit, LogFormat, Task, read, sources};
use replay::replay;
use run::run;
use signals::catch as catch_signals;

/// A recording is not replayed as it was.
const DIFFERENT: u8 = 1;
/// The command line, a recording, the configuration or an address cannot be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // A reader that has gone away is no reason to fail: what is written here is the last word.
    match start() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERENT),
        Err(Exit::Help(text)) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Exit::Error(line)) => {
            let mut log = LogSink::new(std::io::stderr(), LogFormat::Text);
            let _ = log.write_all(format!("{line}\n").as_bytes());
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Does what the program was started for. False: a recording is not replayed as it was.
fn start() -> Result<bool, Exit> {
    let failed = |line| Exit::Error(format!("sysconn: {line}"));
    match sources(std::env::args_os(), std::env::vars_os())? {
        Task::Replay(task) => replay(&task).map_err(failed),
        Task::Serve(sources) => {
            // What is read next can take any time, and signals have to work meanwhile.
            let signals = catch_signals().map_err(failed)?;
            let options = sources.options(read)?;
            run(options, signals).map_err(failed)?;
            Ok(true)
        }
    }
}
