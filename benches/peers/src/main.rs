//! The same load against sysconn, a bare TCP echo and other WebSocket servers, in rounds of short
//! slices. See README.md.

mod client;
mod contestants;
mod histogram;
mod loads;
mod options;
mod peers;
mod report;
mod server;
mod statistics;
mod wire;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use client::idle;
use contestants::{Contestant, contestants};
use loads::{LOADS, Load, LoadKind, MAXIMUM};
use options::{Options, ServerCommand};
use report::{Figures, Row};
use server::Server;
use statistics::Quartiles;
use wire::Dialect;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Memory hardly varies: more rounds would show the same.
const MEMORY_ROUNDS: usize = 3;

fn main() {
    let options = Options::parse();
    let ended = match &options.server {
        Some(ServerCommand::Server { name }) => peers::run(name),
        None => measure(&options),
    };
    if let Err(error) = ended {
        eprintln!("peers: {error}");
        std::process::exit(1);
    }
}

/// Puts every server under every load, and prints a table after each.
fn measure(options: &Options) -> Result<()> {
    for name in &options.only {
        if !LOADS.iter().any(|load| load.name == name) {
            let names = LOADS.map(|load| load.name).join(", ");
            return Err(format!("there is no load {name}; there are {names}").into());
        }
    }
    let contestants = contestants(options)?;
    raise_descriptor_limit()?;
    let mut maximum = None;
    for load in LOADS.iter().filter(|load| options.runs(load.name)) {
        if matches!(load.kind, LoadKind::Open { .. }) && maximum.is_none() {
            let base: Vec<_> = contestants.iter().filter(|one| one.dialect == Dialect::Bare).collect();
            let rows = rounds(&MAXIMUM, &base, 0.0, options)?;
            maximum = Some(Quartiles::of(rows[0].rounds.iter().map(|figures| figures.rate)).median);
        }
        let part: Vec<_> = contestants.iter().filter(|one| one.takes_part_in(load)).collect();
        let table = match load.kind {
            LoadKind::Idle => report::memory_table(&memory(load, &part, options)?),
            _ => report::table(&rounds(load, &part, maximum.unwrap_or(0.0), options)?),
        };
        println!("\n{}: {}\n", load.name, load.title);
        report::print(&table, options.markdown);
    }
    Ok(())
}

/// Ten thousand clients need as many descriptors here, and as many in a server, which inherits the limit.
fn raise_descriptor_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// All rounds of one load. The servers run for the whole load, and are idle during the slices of others.
fn rounds(load: &Load, contestants: &[&Contestant], maximum: f64, options: &Options) -> Result<Vec<Row>> {
    let mut servers = vec![];
    let mut rows = vec![];
    for contestant in contestants {
        let wrong = |error| format!("{}, {}: {error}", load.name, contestant.name);
        let server = Server::start(&contestant.command).map_err(wrong)?;
        load.verify(&server, contestant.dialect).map_err(wrong)?;
        servers.push(server);
        rows.push(Row { name: contestant.name.clone(), rounds: vec![], resident_bytes: 0 });
    }
    let mut order: Vec<usize> = (0..servers.len()).collect();
    for _ in 0..options.rounds {
        fastrand::shuffle(&mut order);
        for &index in &order {
            let slice = load.slice(&servers[index], contestants[index].dialect, maximum, options.slice());
            let sample = slice.map_err(|error| format!("{}, {}: {error}", load.name, rows[index].name))?;
            rows[index].rounds.push(Figures::from(&sample));
        }
    }
    for (row, server) in rows.iter_mut().zip(&servers) {
        row.resident_bytes = server.resident_bytes()?;
    }
    Ok(rows)
}

/// Rounds in which each server is started anew. The gateway takes part a second time, with clients that have
/// logged in.
fn memory(load: &Load, contestants: &[&Contestant], options: &Options) -> Result<Vec<(String, Vec<f64>)>> {
    let mut rows = vec![];
    for contestant in contestants {
        for logged_in in [false, true] {
            if logged_in && contestant.dialect != Dialect::Packets {
                continue;
            }
            let name = format!("{}{}", contestant.name, if logged_in { ", logged in" } else { "" });
            let mut figures = vec![];
            for _ in 0..options.rounds.min(MEMORY_ROUNDS) {
                let bytes = memory_of(load, contestant, logged_in);
                figures.push(bytes.map_err(|error| format!("{}, {name}: {error}", load.name))?);
            }
            rows.push((name, figures));
        }
    }
    Ok(rows)
}

fn memory_of(load: &Load, contestant: &Contestant, logged_in: bool) -> Result<f64> {
    let server = Server::start(&contestant.command)?;
    load.verify(&server, contestant.dialect)?;
    idle(&server, contestant.dialect, &contestant.dialect.echo(load.size), load.clients, logged_in)
}
