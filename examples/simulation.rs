//! A game under simulation: its real handlers in the real reactor, with visitors on a simulated network that
//! has faults.
//!
//! The game is a bank: clients deposit coins (command 2101, a 32-bit amount) and get their balance; an
//! account is closed with its connection. Each visitor knows which replies it must get. The simulation checks
//! that it gets them whatever system calls fail, that every connection ends exactly once and with the right
//! cause, and that nothing is left at the end, for which it asks the bank as well.
//!
//! The bank has two workers, each with its own accounts. Between two turns the test makes each of them tell
//! its clients that the bank closes soon (2102), as a game that turns the reactor itself would.
//!
//! ```text
//! cargo run --release --example simulation --features sim            # 100 seeds
//! cargo run --release --example simulation --features sim 17         # seed 17 again
//! ```

use std::collections::HashMap;
use std::time::Duration;

use sysconn::sim::{
    Buffers, Failure, Fault, Faults, Next, Random, Report, Script, ScriptRunner, Simulated, Simulation,
};
use sysconn::{
    Access, Application, Cause, ConnectionId, Context, Effects, Module, Outcome, Push, Record, Request,
    Route, Router,
};

const DEPOSIT: u16 = 2101;
const NOTICE: u16 = 2102;
const VISITORS: u32 = 50;

/// The balance of each client of one worker.
#[derive(Default)]
struct Bank(HashMap<ConnectionId, u64>);

impl Bank {
    fn announce(&self, effects: &mut Effects) {
        effects.broadcast(self.0.keys().copied(), &Push::new(NOTICE, b"closing soon"));
    }
}

impl Application for Bank {
    type Session = ();

    fn closed(&mut self, record: &Record, _: (), _: Cause, _: &mut Effects) {
        self.0.remove(&record.id());
    }
}

impl Simulated for Bank {
    fn left_over(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{} accounts of clients that are gone", self.0.len()))
    }
}

fn deposit(bank: &mut Bank, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(coins) = <[u8; 4]>::try_from(request.data()).map(u32::from_be_bytes) else {
        return Outcome::Undecodable;
    };
    let account = bank.0.entry(context.id()).or_default();
    *account += u64::from(coins);
    context.reply(&account.to_be_bytes())
}

static BANK: Module<Bank> =
    Module::new(21, "bank", [Route::new(DEPOSIT, "deposit", Access::Anyone, deposit)]);
static ROUTES: Router<Bank> = Router::new([&BANK]);

/// A client that deposits coins, several times in a row, a random number of times.
#[derive(Default)]
struct Visitor {
    has_connected: bool,
    visits: u64,
    balance: u64,
}

impl Script for Visitor {
    fn act(&mut self, visitor: &mut ScriptRunner) -> Next {
        if !self.has_connected {
            self.has_connected = true;
            self.visits = visitor.random().between(1, 20);
            visitor.upgrade();
            return Next::Answered;
        }
        if self.visits == 0 {
            visitor.close(1000);
            return Next::Rest;
        }
        self.visits -= 1;
        for _ in 0..visitor.random().between(1, 5) {
            let coins = visitor.random().below(1000) as u32;
            self.balance += u64::from(coins);
            visitor.call(DEPOSIT, &coins.to_be_bytes(), &self.balance.to_be_bytes());
        }
        if visitor.random().chance(0.5) {
            return Next::Answered;
        }
        Next::After(Duration::from_millis(visitor.random().below(2000)))
    }

    fn pushed(&mut self, _: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        match (cmd, data) {
            (NOTICE, b"closing soon") => Ok(()),
            _ => Err(format!("a push of {cmd}")),
        }
    }
}

/// Runs one simulation. The seed determines the network and its faults.
pub(crate) fn run(seed: u64) -> Result<Report, Failure> {
    let mut random = Random::new(seed);
    let mut simulation = Simulation::new(seed);
    simulation.clients = VISITORS;
    simulation.config.workers = 2;
    simulation.faults = Faults::harmless(0.05)
        .with(Fault::Storm, 0.005)
        .with(Fault::Stall, 0.05)
        .with(Fault::Reset, 0.003)
        .with(Fault::Vanish, 0.003)
        .with(Fault::ProcessDescriptors, 0.003);
    if random.chance(0.5) {
        let bytes = 200 + random.index(2000);
        simulation.buffers =
            Buffers { client_send: bytes, server_receive: bytes, server_send: bytes, client_receive: bytes };
    }
    let mut running = simulation.start(&ROUTES, |_| Bank::default(), |_, _| Box::<Visitor>::default())?;
    running.run_until(Duration::from_secs(3))?;
    for worker in 0..2 {
        running.act(worker, |bank, effects| bank.announce(effects));
    }
    running.finish()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds = match std::env::args().nth(1) {
        Some(seed) => {
            let seed = seed.parse()?;
            seed..=seed
        }
        None => 1..=100,
    };
    let mut sum = Report::default();
    for seed in seeds {
        let report = run(seed).map_err(|failure| failure.to_string())?;
        println!("seed {seed}: {} replies; faults: {}", report.replies, report.faults);
        sum.add(&report);
    }
    println!("{sum}");
    Ok(())
}
