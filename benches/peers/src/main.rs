//! The same load against sysconn, a bare TCP echo and other WebSocket servers, in rounds of short
//! slices. See README.md.

mod catalogue;
mod client;
mod compressed;
mod contestants;
mod frames;
mod histogram;
mod instructions;
mod loads;
mod mode;
mod options;
mod peers;
mod report;
mod rounds;
mod server;
mod statistics;
mod tls;
mod wire;

use std::time::Duration;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use catalogue::{MAXIMUM, loads};
use contestants::{Contestant, contestants};
use loads::{Load, LoadKind};
use options::{Options, ServerCommand};
use rounds::Run;
use statistics::Quartiles;
use wire::Dialect;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() {
    let options = Options::parse();
    let ended = match &options.server {
        Some(ServerCommand::Server { name, certificate, key }) => {
            peers::run(name, certificate.as_deref().zip(key.as_deref()))
        }
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
        if !loads().any(|load| load.name == name || load.group == name) {
            let names: Vec<_> = loads().map(|load| load.name).collect();
            return Err(format!("there is no load {name}; there are {}", names.join(", ")).into());
        }
    }
    let contestants = contestants(options)?;
    raise_descriptor_limit()?;
    let mut run = Run::new(options.rounds(), options.slice())?;
    let loads: Vec<_> = loads().filter(|load| options.runs(load)).collect();
    eprintln!("peers: about {} min", estimate(&loads, &contestants, &run).as_secs().div_ceil(60));
    let reference = contestants.iter().find(|contestant| contestant.is_external());
    let mut maxima = Maxima::default();
    for load in &loads {
        let part: Vec<_> = contestants.iter().filter(|one| one.takes_part_in(load)).collect();
        let table = match load.kind {
            LoadKind::Idle => report::memory_table(&run.memory(load, &part)),
            LoadKind::Instructions { depth } => {
                report::instructions_table(&run.instructions(load, &part, depth))
            }
            kind => {
                let maximum = maxima.of(kind, &contestants, &mut run);
                let rows = run.rounds(load, &part, maximum);
                report::table(&rows, reference.map(|reference| &*reference.name))
            }
        };
        println!("\n{}\n", load.title());
        report::print(&table, options.markdown);
    }
    match run.failures {
        0 => Ok(()),
        count => Err(format!("{count} measurements failed").into()),
    }
}

/// The rates of which open loads are shares, each measured when it is needed first.
#[derive(Default)]
struct Maxima {
    bare: Option<f64>,
    reference: Option<f64>,
}

impl Maxima {
    fn of(&mut self, kind: LoadKind, contestants: &[Contestant], run: &mut Run) -> f64 {
        let is_bare = |one: &&Contestant| one.dialect == Dialect::Bare && one.takes_part_in(&MAXIMUM);
        let bare = || contestants.iter().find(is_bare);
        let measure = |run: &mut Run, contestant: Option<&Contestant>| {
            let part: Vec<_> = contestant.into_iter().collect();
            let rows = run.rounds(&MAXIMUM, &part, 0.0);
            let rates =
                rows.first().into_iter().flat_map(|row| row.rounds.iter().map(|figures| figures.rate));
            Quartiles::of(rates).median
        };
        match kind {
            LoadKind::Open { .. } => *self.bare.get_or_insert_with(|| measure(run, bare())),
            LoadKind::Tail { .. } => *self.reference.get_or_insert_with(|| {
                measure(run, contestants.iter().find(|one| one.is_external()).or_else(bare))
            }),
            _ => 0.0,
        }
    }
}

/// How long it takes, beside the starts of servers that fail.
fn estimate(loads: &[Load], contestants: &[Contestant], run: &Run) -> Duration {
    let of_one = |load: &Load| match load.kind {
        LoadKind::Idle => (Duration::from_millis(500) + Duration::from_micros(150) * load.clients as u32) * 3,
        LoadKind::Instructions { .. } => Duration::from_secs(8),
        LoadKind::Mixed => Duration::from_millis(1500) * run.rounds as u32,
        _ => {
            let connect = Duration::from_millis(60) + Duration::from_micros(200) * load.clients as u32;
            (run.slice * 11 / 10 + connect) * run.rounds as u32
        }
    };
    let part = |load: &Load| contestants.iter().filter(|one| one.takes_part_in(load)).count() as u32;
    loads.iter().map(|load| of_one(load) * part(load)).sum()
}

/// Ten thousand clients need as many descriptors here, and as many in a server, which inherits the limit.
fn raise_descriptor_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}
