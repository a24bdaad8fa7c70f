//! A long mixed load against `sysconn serve`, and its traces: memory, descriptors, and an account of every
//! reply. See README.md.

mod client;
mod kinds;
mod options;
mod plan;
mod population;
mod random;
mod report;
mod server;
mod wire;

use std::time::Instant;

use options::{Length, Options};
use population::{Addresses, Population};
use report::{Report, Stage};
use server::{Monitor, Server};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Parts of a run. After each one the server is left alone for a moment, and what it holds is noted.
const STAGES: u64 = 10;
/// Clients that stay in the room from beginning to end.
const MEMBERS: usize = 16;

fn main() {
    let report = Options::parse().map_err(Into::into).and_then(|options| soak(&options));
    match report {
        Ok(report) => std::process::exit(i32::from(!report.print_verdict())),
        Err(error) => {
            eprintln!("soak: {error}");
            std::process::exit(2);
        }
    }
}

fn soak(options: &Options) -> Result<Report> {
    let server = Server::start(&options.program, &options.more)?;
    let mut monitor = Monitor::connect(&server)?;
    monitor.await_rest(1)?;
    let mut report = Report::begin(server.holds()?);
    let addresses = Addresses { tcp: server.tcp, unix: server.unix.clone() };
    let mut population = Population::new(addresses, options.seed)?;
    population.gather_members(MEMBERS)?;
    for stage in 1..=STAGES {
        let began = Instant::now();
        // It would be closed if it were silent for so long as a stage can take.
        let keep_monitor = || monitor.stats().map(drop);
        match options.length {
            // The last stage has what does not divide.
            Length::Cycles(cycles) => {
                let of_stage = cycles * stage / STAGES - cycles * (stage - 1) / STAGES;
                population.run(options.at_once, |begun| begun < of_stage, keep_monitor)?;
            }
            Length::Time(time) => {
                let of_stage = time / STAGES as u32;
                population.run(options.at_once, |_| began.elapsed() < of_stage, keep_monitor)?;
            }
        }
        let took = began.elapsed();
        let stats = monitor.await_rest(1 + population.members() as u64)?;
        report.add(Stage { took, holds: server.holds()?, stats, counts: population.counts }, &population);
    }
    report.note_heard(&population);
    population.dismiss_members()?;
    let stats = monitor.await_rest(1)?;
    report.end(server.holds()?, stats, &population, server.log_bytes()?);
    drop(monitor);
    report.note_exit(server.finish()?);
    Ok(report)
}
