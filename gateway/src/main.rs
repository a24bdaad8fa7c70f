//! The `sysconn` program: a game gateway (`serve`), a plain WebSocket echo (`echo`), the replay of recorded
//! connections (`replay`), and tools for operators.

mod accounts;
mod auth;
mod blacklist;
mod certificates;
mod client;
mod clock;
#[cfg(test)]
#[path = "../../tests/common/mod.rs"]
mod common;
mod cpus;
mod delay;
mod descriptors;
mod jwt;
mod log_format;
mod log_sink;
mod messages;
mod mint;
mod modules;
mod options;
mod panics;
mod reload;
mod replay;
mod run;
mod signals;
mod store;
mod tls;
mod wechat;

use std::io::Write;
use std::process::ExitCode;

use accounts::accounts;
use blacklist::command::blacklist;
use log_sink::LogSink;
use mint::mint;
use options::{Exit, LogFormat, Task, read, sources};
use replay::replay;
use run::run;
use signals::catch as catch_signals;

/// Exit status: the replay of a recording differs from it, or nothing was found.
const DIFFERENT: u8 = 1;
/// Exit status: the command line, a recording, the configuration or an address is unusable.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // Errors of writing are ignored: the output has no reader any more.
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

/// Serves, replays, or does what else was asked for. False: the replay of a recording differs from it, or
/// nothing was found.
fn start() -> Result<bool, Exit> {
    let failed = |line| Exit::Error(format!("sysconn: {line}"));
    match sources(std::env::args_os(), std::env::vars_os())? {
        Task::Replay(task) => replay(&task).map_err(failed),
        Task::Blacklist(task) => blacklist(&task).map_err(failed).map(|()| true),
        Task::Mint(task) => mint(&task).map_err(failed).map(|()| true),
        Task::Accounts(task) => accounts(&task).map_err(failed),
        Task::Serve(sources) => {
            // Reading the options can take any time, and signals must work meanwhile.
            let signals = catch_signals().map_err(failed)?;
            let options = sources.options(read)?;
            run(options, signals).map_err(failed)?;
            Ok(true)
        }
    }
}
