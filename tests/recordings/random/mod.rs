//! Random sessions under random options, on a simulated network with faults; everything follows from a seed.
//! Each is recorded to its end, and its recording is replayed without a difference.

mod game;
mod plan;
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::iter;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sysconn::replay::{End, Recording};
use sysconn::sim::{Client, Network, Random, StreamState};
use sysconn::{Config, Peer, Reactor, Service, Turn};

use crate::recorded::{Directory, shown};
use game::{Game, ROUTER, message};
use plan::Plan;
use session::{Step, session};

/// Clients of one server.
const CLIENTS: u64 = 20;
/// Sessions, unless `SYSCONN_SESSIONS` says otherwise.
const SESSIONS: u64 = 640;
/// The time by which a server has drained.
const LIMIT: Duration = Duration::from_secs(7200);
/// The time after which a client whose buffers were full tries again.
const BLOCKED: Duration = Duration::from_millis(20);
/// The longest time between two turns.
const LONG_TURN: Duration = Duration::from_secs(1);

/// The digests of all recordings of the first servers. They may change only if a change is meant to alter
/// recordings, or the behaviour of the server or its clients.
const DIGESTS: [u64; 25] = [
    0x0344_ba07_69ba_7206,
    0x8d7e_8657_7704_761c,
    0xd718_6832_f4a6_d15e,
    0xc875_576a_c757_d402,
    0xe17e_ab78_6019_5cf9,
    0x011f_5d3b_1a20_8fe4,
    0x692b_99c2_0063_a2a2,
    0x86ef_ee70_ea97_b7b3,
    0x90c8_0f18_dd42_74d2,
    0x2837_3cbb_300c_6955,
    0x5817_7e5d_d45f_889d,
    0x3462_2fad_cd2b_0006,
    0x8166_d89d_ee1d_2233,
    0x2d61_6edf_6c99_6fc3,
    0xa46f_d996_1fdf_917c,
    0x919b_f689_197d_b443,
    0xd9e6_bd1f_a7cc_590e,
    0xf15b_6cb1_5146_8a15,
    0x44dd_8919_a2ff_77dc,
    0x44c9_ced7_ae11_0f67,
    0xb71c_01ea_4528_d70f,
    0x0c54_c69a_e131_2f69,
    0x9c6b_8231_88e2_3a87,
    0x00d0_79ce_be9e_653d,
    0xb154_7a05_357f_8eea,
];

/// A client, and its remaining steps.
struct Visitor {
    client: Client,
    steps: std::vec::IntoIter<Step>,
    /// Bytes that have not gone out yet.
    to_send: Vec<u8>,
    due: Duration,
    reads: bool,
    received: Vec<u8>,
    random: Random,
}

impl Visitor {
    /// Goes on as far as possible. False once nothing is left to do.
    fn act(&mut self, now: Duration) -> bool {
        let line = if self.reads { self.client.receive(&mut self.received) } else { StreamState::Open };
        self.received.clear();
        if line != StreamState::Open {
            self.client.finish();
            return false;
        }
        while self.due <= now {
            if !self.to_send.is_empty() {
                let taken = self.client.send(&self.to_send);
                self.to_send.drain(..taken);
                if !self.to_send.is_empty() {
                    // The server may wait for it to read.
                    self.reads |= self.random.chance(0.1);
                    self.due = now + BLOCKED;
                    return true;
                }
            }
            match self.steps.next() {
                Some(Step::Send(bytes)) => self.to_send = bytes,
                Some(Step::Wait(time)) => self.due = now + time,
                Some(Step::Read(reads)) => self.reads = reads,
                Some(Step::Finish) => self.client.finish(),
                Some(Step::Reset) => self.client.reset(),
                None => return false,
            }
        }
        true
    }
}

/// Runs the sessions of clients with one server, until it has drained.
fn play(seed: u64, plan: &Plan, config: &Config) {
    let mut random = Random::new(seed);
    let network = Network::new(seed);
    network.set_buffers(plan.buffers);
    let service = if plan.packets { Service::Packets(&ROUTER) } else { Service::Messages(message) };
    let game = Game::new(random.fork(), plan.defers);
    let mut reactor = Reactor::simulated(config, service, game, &network).unwrap();
    network.set_faults(plan.faults);
    let mut seats: Vec<_> = (0..CLIENTS)
        .map(|number| Visitor {
            client: network.connect(Peer::Ip([10, 0, 0, 1].into(), 1000 + number as u16)).unwrap(),
            steps: session(&mut random.fork(), plan).into_iter(),
            to_send: vec![],
            due: Duration::from_millis(random.below(2000)),
            reads: true,
            received: vec![],
            random: random.fork(),
        })
        .collect();
    let mut drains = false;
    loop {
        let now = network.now();
        assert!(now < LIMIT, "seed {seed}: no end");
        reactor.act(|game, effects| game.between_turns(now, effects));
        let acting = seats.iter_mut().filter_map(|seat| seat.act(now).then_some(seat.due)).min();
        if acting.is_none() && !drains {
            drains = true;
            reactor.handle().drain();
        }
        let timeout = acting
            .map_or(LONG_TURN, |due| due.saturating_sub(now).clamp(Duration::from_millis(1), LONG_TURN));
        if reactor.turn(Some(timeout)).unwrap() == Turn::Drained {
            return;
        }
    }
}

/// The results of the sessions of some servers.
#[derive(Debug, Default)]
struct Tally {
    /// Sessions that were recorded from their beginning, and those of them that were recorded to their end.
    recorded: u64,
    ended: u64,
    /// The differences in replays.
    differences: Vec<String>,
    /// The digests of the recordings of each server, by its seed.
    digests: BTreeMap<u64, u64>,
}

/// The sessions of one server.
fn record_and_replay(seed: u64) -> Tally {
    let directory = Directory::new();
    let plan = Plan::new(seed);
    play(seed, &plan, &plan.config(&directory));
    let mut tally = Tally { recorded: if plan.records_all() { CLIENTS } else { 0 }, ..Tally::default() };
    let files = directory.files();
    tally.digests.insert(seed, digest(&files));
    for file in files {
        let replay = Recording::read(&file).unwrap().replay();
        let replay = replay.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", shown(&file)));
        if replay.difference.is_some() {
            let name =
                format!("{}/differs-{seed}-{}.rec", env!("CARGO_TARGET_TMPDIR"), tally.differences.len());
            fs::write(&name, &file).unwrap();
            tally.differences.push(format!("seed {seed}, {name}: {replay}"));
        }
        assert!(!matches!(replay.end, End::Cut(_)), "seed {seed}: {replay}");
        tally.ended += u64::from(plan.records_all() && replay.end == End::Closed);
    }
    tally
}

/// FNV-1a of recordings, from behind the version of the software on.
fn digest(files: &[Vec<u8>]) -> u64 {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let behind_version = |file: &Vec<u8>| {
        let at = file.windows(version.len()).position(|window| window == version);
        file[at.unwrap()..].to_vec()
    };
    let bytes = files.iter().flat_map(behind_version);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn random_sessions_are_replayed_without_a_difference() {
    let sessions = std::env::var("SYSCONN_SESSIONS").map_or(SESSIONS, |count| count.parse().unwrap());
    let servers = sessions.div_ceil(CLIENTS);
    let next = AtomicU64::new(0);
    let played = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let seeds = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                for seed in seeds.take_while(|seed| *seed < servers) {
                    let tally = record_and_replay(seed);
                    let mut played = played.lock().unwrap();
                    played.recorded += tally.recorded;
                    played.ended += tally.ended;
                    played.differences.extend(tally.differences);
                    played.digests.extend(tally.digests);
                }
            });
        }
    });
    let Tally { recorded, ended, differences, digests } = played.into_inner().unwrap();
    println!("{ended} of {recorded} sessions were recorded to their end, {} differ", differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // Frames that are compressed have other lengths without compression.
    if cfg!(all(feature = "zlib", feature = "deflate")) {
        let first: Vec<_> = digests.into_values().take(DIGESTS.len()).collect();
        assert_eq!(first, DIGESTS[..first.len()], "what is recorded has changed: {first:#x?}");
    }
    assert!(ended * 100 >= recorded * 95, "only {ended} of {recorded} sessions were recorded to their end");
}
