//! Pushes to all members of a room: what the server pays for each that it reaches, beside a bare loop that
//! writes the same bytes, those of pushes in a row together.
//!
//! A server and a loop of writes have as many sockets each, whose other ends are held by a process that only
//! reads. Rounds alternate, and what counts is the CPU time of the two servers in the same round.
//!
//! ```text
//! cargo bench --bench push [-- [--rounds N] [--server PROGRAM] [NAME...]]
//! ```
//!
//! Only cases with one of these words in their names run. PROGRAM is another build of `sysconn`.

mod bare;
mod cases;
#[path = "../fleet/mod.rs"]
mod fleet;
mod game;
mod readers;

use std::process::Command;

use cases::{CASES, Case, Server};
use fleet::{Helper, Result, middle};

const ROUNDS: usize = 13;
/// The servers with one worker run on one core, the clients on another.
const SERVER_CPU: usize = 0;
const CLIENT_CPU: usize = 1;

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", members] => bare::run(members.parse()?),
        ["game", workers] => game::run(workers.parse()?),
        ["readers", address, members, greeting] => {
            readers::run(address.parse()?, members.parse()?, greeting.parse()?)
        }
        _ => compare_all(&arguments),
    }
}

fn compare_all(arguments: &[String]) -> Result {
    let (mut rounds, mut program, mut names) = (ROUNDS, env!("CARGO_BIN_EXE_sysconn"), vec![]);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().ok_or("how many rounds?")?.parse()?,
            "--server" => program = words.next().ok_or("which program?")?,
            name => names.push(name),
        }
    }
    println!("{rounds} rounds; ns of CPU for each push and member, beside the loop's, and the ratio");
    let is_asked_for = |case: &&Case| names.is_empty() || names.iter().any(|name| case.name.contains(name));
    CASES.iter().filter(is_asked_for).try_for_each(|case| compare(case, rounds, program))
}

/// A server and those who read from it.
struct Side {
    server: Helper,
    readers: Helper,
}

impl Side {
    fn new(mut server: Helper, members: usize, greeting: &str) -> Result<Self> {
        let address = server.listening()?;
        let mut readers = Helper::copy(&["readers", &address, &members.to_string(), greeting])?;
        if readers.hear()? != "ready" {
            return Err("the readers are not ready".into());
        }
        Ok(Side { server, readers })
    }

    /// What the pushes of a round cost the server, in nanoseconds. Each of so many clients sends `trigger`,
    /// so many times in turn, and then so many bytes come to all members together.
    fn round(&mut self, times: usize, clients: usize, trigger: &[u8], bytes: usize) -> Result<f64> {
        let before = self.server.cpu_ns()?;
        let hex: String = trigger.iter().map(|byte| format!("{byte:02x}")).collect();
        self.readers.tell(&format!("{times} {clients} {bytes} {hex}"))?;
        if self.readers.hear()? != "done" {
            return Err("the readers have ended".into());
        }
        Ok((self.server.cpu_ns()? - before) as f64)
    }
}

fn compare(case: &Case, rounds: usize, program: &str) -> Result {
    let mut ours = Side::new(start(case.server, program)?, case.members, case.server.greeting())?;
    let bare = Helper::copy(&["bare", &case.members.to_string()])?;
    let mut bare = Side::new(bare, case.members, case.server.greeting())?;
    let pushed = case.pushed_bytes();
    let (mut times, mut bare_times, mut ratios) = (vec![], vec![], vec![]);
    for round in 0..=rounds {
        let deliveries = (case.times * case.pushes * case.members) as f64;
        let bytes = case.members * pushed + case.reply_bytes();
        let time = ours.round(case.times, case.clients, &case.trigger(), bytes)? / deliveries;
        let length = u32::try_from(pushed)?.to_be_bytes();
        let bare_time = bare.round(case.times, 1, &length, case.members * pushed)? / deliveries;
        if round > 0 {
            times.push(time);
            bare_times.push(bare_time);
            ratios.push(time / bare_time);
        }
    }
    let (ratio, least, greatest) = middle(ratios);
    println!(
        "{:56} {:6.0} / {:6.0} = {ratio:.3} ({least:.3} to {greatest:.3})",
        case.name,
        middle(times).0,
        middle(bare_times).0
    );
    Ok(())
}

fn start(server: Server, program: &str) -> Result<Helper> {
    let workers = match server {
        Server::Serve { workers } => workers,
        Server::Game { workers } => return Helper::copy(&["game", &workers.to_string()]),
    };
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--max-connections-per-ip", "0"]);
    command.args(["--client-check", "0", "--read-timeout", "0", "--ping-interval", "0"]);
    command.args(["--log-connections", "off", "--workers", &workers.to_string()]);
    if workers == 1 {
        command.args(["--cpu", &SERVER_CPU.to_string()]);
    }
    Helper::start(&mut command)
}
