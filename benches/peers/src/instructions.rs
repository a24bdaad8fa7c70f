//! Instructions of a server outside the kernel for each message, counted by callgrind.
//!
//! Server and load share a core, and the server runs only when the load waits, so that the requests of all
//! clients come together in each turn of each run. What the start and the upgrades cost is subtracted by a
//! second, shorter run.

use std::path::Path;
use std::process::Command;
use std::{env, fs, process};

use crate::Result;
use crate::client::{Target, lockstep};
use crate::contestants::Contestant;
use crate::loads::Load;
use crate::server::{Cores, Server};
use crate::tls::Certificate;

/// Rounds of the shorter and the longer run with so many clients; fewer clients have more.
const ROUNDS: [usize; 2] = [40, 240];
const CLIENTS: usize = 20;

/// Whether instructions can be counted here.
pub fn can_count() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions for each message.
pub fn instructions(
    load: &Load,
    contestant: &Contestant,
    depth: usize,
    certificate: &Certificate,
) -> Result<f64> {
    let [few, many] = ROUNDS.map(|rounds| rounds * CLIENTS / load.clients);
    let (short, long) = (
        count(load, contestant, depth, few, certificate)?,
        count(load, contestant, depth, many, certificate)?,
    );
    let messages = (many - few) * load.clients * depth;
    Ok((long as f64 - short as f64) / messages as f64)
}

/// All instructions of a server from its start to its end.
fn count(
    load: &Load,
    contestant: &Contestant,
    depth: usize,
    rounds: usize,
    certificate: &Certificate,
) -> Result<u64> {
    let file = env::temp_dir().join(format!("sysconn-peers-{}.callgrind", process::id()));
    let command = under_callgrind(&contestant.command(load, certificate)?, &file);
    let server = Server::start(&command, Cores::Same)?;
    let (dialect, mode) = (contestant.dialect, contestant.mode(load));
    let target = Target { server, dialect, mode, tls: None };
    lockstep(&target, &load.exchange(dialect, mode), load.clients, depth, rounds)?;
    target.server.settle()?;
    target.server.end()?;
    let text = fs::read_to_string(&file).map_err(|_| "callgrind wrote nothing")?;
    fs::remove_file(&file)?;
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind counted nothing")?.trim().parse()?)
}

/// The same command under callgrind. A shell gets it as a text.
fn under_callgrind(command: &[String], file: &Path) -> Vec<String> {
    let file = format!("--callgrind-out-file={}", file.display());
    let prefix = ["chrt", "-b", "0", "valgrind", "-q", "--tool=callgrind", &file];
    match command {
        [shell, option, text] if shell == "sh" => {
            let text = text.strip_prefix("exec ").unwrap_or(text);
            vec![shell.clone(), option.clone(), format!("exec {} {text}", prefix.join(" "))]
        }
        _ => prefix.map(String::from).into_iter().chain(command.iter().cloned()).collect(),
    }
}
