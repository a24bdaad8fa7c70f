//! The `sysconn` program: a game gateway (`serve`), a plain WebSocket echo (`echo`), and a look at what one of
//! them recorded (`replay`).

mod program;

use std::io::Write;
use std::process::ExitCode;

use program::options::LogFormat;
use program::options::{Exit, Task, load};
use program::{LogSink, replay, run};

/// A recording is not replayed as it was.
const DIFFERENT: u8 = 1;
/// The command line, a recording, the configuration or an address cannot be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // A reader that has gone away is no reason to fail: what is written here is the last word.
    let done = match load(std::env::args_os(), std::env::vars_os()) {
        Ok(Task::Serve(options)) => run(*options).map(|()| true),
        Ok(Task::Replay(task)) => replay(&task),
        Err(Exit::Help(text)) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(Exit::Error(line)) => {
            let _ = writeln!(std::io::stderr(), "{line}");
            return ExitCode::from(UNUSABLE);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERENT),
        Err(line) => {
            let _ = LogSink::new(std::io::stderr(), LogFormat::Text)
                .write_all(format!("sysconn: {line}\n").as_bytes());
            ExitCode::from(UNUSABLE)
        }
    }
}
