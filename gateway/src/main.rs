//! The `sysconn` program: a game gateway (`serve`), a plain WebSocket echo (`echo`), the replay of recorded
//! connections (`replay`), and tools for operators.

mod accounts;
mod admin;
mod auth;
mod bench;
mod blacklist;
mod call;
mod certificates;
mod check;
mod client;
mod clock;
mod cluster;
#[cfg(test)]
#[path = "../../tests/common/mod.rs"]
mod common;
mod cpus;
mod delay;
mod descriptors;
mod dev;
mod health;
mod http;
mod http_client;
mod jwt;
mod line_allowance;
mod log_format;
mod log_sink;
mod login_as;
mod messages;
mod mint;
mod modules;
mod options;
mod output;
mod own_server;
mod panics;
mod referee;
mod reload;
mod replay;
mod routes;
mod run;
mod service;
mod side;
mod signals;
mod store;
mod tally;
mod tls;
mod tls_error;
mod top;
mod wechat;
mod words;

use std::io::Write;
use std::process::ExitCode;

use accounts::accounts;
use bench::bench;
use blacklist::command::blacklist;
use call::call;
use check::check;
use health::health;
use log_sink::LogSink;
use mint::mint;
use options::{Exit, LogFormat, Task, Tool, read, sources};
use output::print;
use referee::referee;
use replay::replay;
use routes::routes;
use run::run;
use service::take_sockets;
use signals::catch as catch_signals;
use top::top;

/// Exit status: the replay of a recording differs from it, nothing was found, a client failed, or a server is
/// not healthy.
const NOT_SO: u8 = 1;
/// Exit status: the command line, a recording, the configuration or an address is unusable.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let ended = match start() {
        Err(Exit::Help(text)) => print(&text).map(|()| 0).map_err(failed),
        ended => ended,
    };
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(exit) => {
            let line = exit.into_text();
            let mut log = LogSink::new(std::io::stderr(), LogFormat::Text);
            // Nobody may read it.
            let _ = log.write_all(format!("{line}\n").as_bytes());
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Serves, replays, or does what else was asked for. Returns the exit status.
fn start() -> Result<u8, Exit> {
    match sources(std::env::args_os(), std::env::vars_os())? {
        Task::Tool(tool) => use_tool(&tool).map_err(failed),
        Task::Check(sources, quiet) => {
            let is_usable = check(&sources, quiet).map_err(failed)?;
            Ok(if is_usable { 0 } else { UNUSABLE })
        }
        Task::Health(sources, url) => Ok(if health(sources, url)? { 0 } else { NOT_SO }),
        Task::Serve(sources) => {
            let passed = take_sockets().map_err(failed)?;
            // Reading the options can take any time, and signals must work meanwhile.
            let signals = catch_signals().map_err(failed)?;
            let options = sources.options(read)?;
            let origins = options.origins.clone();
            run(options, signals, passed).map_err(|line| failed(origins.name_in(&line)))?;
            Ok(0)
        }
    }
}

fn failed(line: String) -> Exit {
    Exit::Error(format!("sysconn: {line}"))
}

/// Does a task beside serving. Returns the exit status.
fn use_tool(tool: &Tool) -> Result<u8, String> {
    let status = |is_so| if is_so { 0 } else { NOT_SO };
    match tool {
        Tool::Replay(task) => replay(task).map(status),
        Tool::Blacklist(task) => blacklist(task).map(|()| 0),
        Tool::Mint(task) => mint(task).map(|()| 0),
        Tool::Accounts(task) => accounts(task).map(status),
        Tool::Call(task) => call(task),
        Tool::Routes(task) => routes(task).map(|()| 0),
        Tool::Referee(task) => referee(task).map(status),
        Tool::Print(text) => print(text).map(|()| 0),
        Tool::Bench(task) => bench(task),
        Tool::Top(task) => top(task),
    }
}
