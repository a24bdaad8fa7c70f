//! The simulation of a seed: its clients, network, faults and configuration.

use std::rc::Rc;
use std::time::Duration;

use sysconn::sim::{
    Buffers, End, Failure, Fault, Faults, Next, Random, Report, Script, ScriptRunner, Simulation, stock,
};
use sysconn::{Config, Worker};

use crate::game::Game;
use crate::handlers::GAME;
use crate::players::Players;
use crate::regular::Regular;
use crate::slow::{Guest, Slow};
use crate::visits::Visits;

const KIB: usize = 1024;
/// The most output of a connection that a turn collects before it is written, if no single handler makes
/// more.
const COLLECTED_BYTES: usize = 128 * KIB;
/// In one seed of this many all clients are regulars.
const BUSY_EVERY: u64 = 50;

/// The simulation of a seed, and how many of its clients are regulars.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) simulation: Simulation,
    /// How many clients, from the first on, stay for long and do much. All others leave soon.
    pub(crate) regulars: u32,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let mut simulation = Simulation::new(seed);
        simulation.clients = random.between(2000, 3000) as u32;
        let few = random.between(5, 60) as u32;
        let regulars = if seed % BUSY_EVERY == BUSY_EVERY - 1 { simulation.clients } else { few };
        simulation.arrival = Duration::from_millis([0, 20, 1000, 10_000][random.index(4)]);
        simulation.config = config(&mut random);
        simulation.faults = faults(&mut random);
        simulation.buffers = buffers(&mut random);
        simulation.clients_per_address = [1, 1, 1, 10, 500][random.index(5)];
        if random.chance(0.2) {
            simulation.drain_at = Some(Duration::from_millis(random.below(30_000)));
        }
        limit_clients(&mut simulation, &mut random);
        Plan { simulation, regulars }
    }

    /// The same plan with another number of clients.
    pub(crate) fn with_clients(&self, clients: u32) -> Self {
        Plan { simulation: Simulation { clients, ..self.simulation.clone() }, regulars: self.regulars }
    }

    /// The same plan with several workers, from 2 to 4.
    pub(crate) fn with_workers(&self) -> Self {
        let mut plan = self.clone();
        let workers = 2 + plan.simulation.seed % 3;
        plan.simulation.config.workers = workers as usize;
        // Each has a listener and a spare descriptor.
        plan.simulation.descriptor_limit = self.simulation.descriptor_limit.map(|limit| limit + 2 * workers);
        plan
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let config = Rc::new(self.simulation.config.clone());
        let script = |number, random: &mut Random| self.script(&config, number, random);
        let players = Players::default();
        let game = |worker: Worker<Game>| {
            let worker = (worker.count() > 1).then_some(worker);
            Game::new(players.clone(), worker)
        };
        self.simulation.run(&GAME, game, script)
    }

    /// The script of one client.
    fn script(&self, config: &Rc<Config>, number: u32, random: &mut Random) -> Box<dyn Script> {
        let script = if number < self.regulars {
            self.long_script(config, number, random)
        } else {
            self.short_script(config, random)
        };
        if config.limits.max_connections.is_some() || config.limits.max_connections_per_ip.is_some() {
            Box::new(Limited(script))
        } else {
            script
        }
    }

    fn long_script(&self, config: &Rc<Config>, number: u32, random: &mut Random) -> Box<dyn Script> {
        match random.below(100) {
            0..65 => Box::new(Regular::new(config.clone(), self.regulars, Visits::long(random))),
            65..90 => stock::any(random, config),
            90..94 => Box::new(Slow::any(random.number(), config)),
            _ => Box::new(Guest::new(random.chance(0.5).then_some(1_000_000 + u64::from(number)))),
        }
    }

    fn short_script(&self, config: &Rc<Config>, random: &mut Random) -> Box<dyn Script> {
        match random.below(100) {
            0..60 => Box::new(Regular::new(config.clone(), self.regulars, Visits::short(random))),
            60..75 => Box::new(stock::Upgrades::any(random)),
            75..98 => Box::new(stock::Violations::any(random, config)),
            _ => Box::new(stock::Silence::any(random, config)),
        }
    }
}

/// For some seeds, the server takes fewer clients than there are, or runs out of descriptors.
fn limit_clients(simulation: &mut Simulation, random: &mut Random) {
    let clients = u64::from(simulation.clients);
    if random.chance(0.1) {
        simulation.descriptor_limit = Some(random.between(3, clients + 3));
    }
    if random.chance(0.1) {
        simulation.config.limits.max_connections = Some(random.between(1, clients) as usize);
    }
    if random.chance(0.1) {
        simulation.config.limits.max_connections_per_ip = Some(random.between(1, 8) as usize);
    }
}

fn config(random: &mut Random) -> Config {
    let max_len = [16 * KIB, 64 * KIB, 70_000, 512 * KIB, 512 * KIB][random.index(5)];
    // Half of it may be used when the largest reply comes, and the output that a turn has collected is
    // written before that.
    let outbox_limit =
        (2 * (max_len + COLLECTED_BYTES)).max([128 * KIB, 256 * KIB, 1024 * KIB][random.index(3)]);
    let mut config = Config::default();
    config.limits.max_len = max_len;
    config.limits.max_connections_per_ip = None;
    // As the program has them.
    config.timers.client_check = Some(Duration::from_secs(60));
    config.timers.account_check = Some(Duration::from_secs(300));
    config.output.outbox_limit = Some(outbox_limit);
    config.drain.rate = (!random.chance(0.5)).then(|| random.between(10, 1000) as u32);
    config
}

/// No faults for some seeds, only harmless ones for others, and all kinds for the rest.
pub(crate) fn faults(random: &mut Random) -> Faults {
    let kind = random.below(10);
    if kind == 0 {
        return Faults::NONE;
    }
    let often = [0.03, 0.1, 0.2, 0.3][random.index(4)];
    let faults = Faults::harmless(often).with(Fault::Storm, often / 20.0);
    if kind < 5 {
        return faults.with(Fault::Stall, often / 4.0).with(Fault::NoMemory, often / 4.0);
    }
    let seldom = [0.001, 0.003, 0.01][random.index(3)];
    let rude = [Fault::Reset, Fault::Vanish, Fault::HalfClose, Fault::NoWatch, Fault::SystemDescriptors];
    let faults = rude.into_iter().fold(faults, |faults, fault| faults.with(fault, seldom));
    faults
        .with(Fault::ProcessDescriptors, seldom)
        .with(Fault::SlowReader, seldom)
        .with(Fault::Stall, often / 4.0)
        .with(Fault::NoBuffers, often / 4.0)
        .with(Fault::NoMemory, often / 4.0)
        .with(Fault::TimeJump, if kind < 7 { 0.0 } else { seldom / 30.0 })
}

pub(crate) fn buffers(random: &mut Random) -> Buffers {
    let same = |bytes| Buffers {
        client_send: bytes,
        server_receive: bytes,
        server_send: bytes,
        client_receive: bytes,
    };
    match random.below(8) {
        0 => same(500 + random.index(3000)),
        1 => same(8 * KIB),
        2 => Buffers { client_send: 8 * KIB * KIB, server_receive: 8 * KIB * KIB, ..Buffers::default() },
        3 => Buffers { server_send: 2 * KIB, ..same(256 * KIB) },
        _ => Buffers::default(),
    }
}

/// A client that may be refused because the server's limits on clients are reached.
struct Limited(Box<dyn Script>);

impl Script for Limited {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        runner.may_end(&[End::Refused(429), End::Refused(503)]);
        self.0.act(runner)
    }

    fn pushed(&mut self, runner: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        self.0.pushed(runner, cmd, data)
    }
}
