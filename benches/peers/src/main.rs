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

use contestants::{Contestant, contestants};
use loads::{Kind, LOADS, Load, MAXIMUM};
use options::{Options, ServerCommand};
use report::{Figures, Row};
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() {
    if let Err(error) = run(&Options::parse()) {
        eprintln!("peers: {error}");
        std::process::exit(1);
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(ServerCommand::Server { name }) = &options.server {
        return peers::run(name);
    }
    for name in &options.only {
        if !LOADS.iter().any(|load| load.name == name) {
            let names = LOADS.map(|load| load.name).join(", ");
            return Err(format!("there is no load {name}; there are {names}").into());
        }
    }
    let contestants = contestants(options)?;
    let mut maximum = None;
    for load in LOADS
        .iter()
        .filter(|load| options.only.is_empty() || options.only.iter().any(|name| name == load.name))
    {
        if matches!(load.kind, Kind::Open { .. }) && maximum.is_none() {
            let base: Vec<&Contestant> =
                contestants.iter().filter(|contestant| contestant.is_base()).collect();
            let rows = rounds(&MAXIMUM, &base, 0.0, options)?;
            let rates = rows[0].rounds.iter().map(|figures| figures.rate);
            maximum = Some(statistics::Quartiles::of(rates).median);
        }
        let part: Vec<&Contestant> =
            contestants.iter().filter(|contestant| contestant.takes_part_in(load)).collect();
        let rows = rounds(load, &part, maximum.unwrap_or(0.0), options)?;
        println!("\n{}: {}\n", load.name, load.title);
        report::print(&report::table(&rows), options.markdown);
    }
    Ok(())
}

/// All rounds of one load. Servers begin with it and end with it.
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
            let wrong = |error| format!("{}, {}: {error}", load.name, contestants[index].name);
            let slice = load.slice(&servers[index], contestants[index].dialect, maximum, options.slice());
            rows[index].rounds.push(Figures::from(&slice.map_err(wrong)?));
        }
    }
    for (row, server) in rows.iter_mut().zip(&servers) {
        row.resident_bytes = server.resident_bytes()?;
    }
    Ok(rows)
}
