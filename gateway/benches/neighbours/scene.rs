//! One program with its victim and its neighbours.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::nice;

use crate::SETTLE;
use crate::loads::{LoadKind, Setting};
use crate::server::{ScratchDirectory, Server};
use crate::victim::{PACE, Victim};

const SLICE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(60);
/// What neighbours wait that cannot go on.
const PAUSE: Duration = Duration::from_micros(100);

/// What the victim's thread and the neighbours' tell each other.
#[derive(Default)]
struct Signals {
    goes_on: AtomicBool,
    /// They do as they are told.
    follows: AtomicBool,
    ends: AtomicBool,
    done: AtomicU64,
    thrown_out: AtomicU64,
}

fn run(kind: &LoadKind, address: SocketAddr, signals: &Signals) {
    // Where this is not allowed the figures are higher.
    let _ = nice(19);
    while !signals.ends.load(Ordering::Relaxed) {
        if !signals.goes_on.load(Ordering::Relaxed) {
            signals.follows.store(true, Ordering::Relaxed);
            thread::sleep(PAUSE);
            continue;
        }
        let mut load = (kind.start)(address);
        while signals.goes_on.load(Ordering::Relaxed) {
            if load.go_on() == 0 {
                thread::sleep(PAUSE);
            }
            signals.follows.store(true, Ordering::Relaxed);
        }
        signals.done.fetch_add(load.done(), Ordering::Relaxed);
        signals.thrown_out.fetch_add(load.thrown_out(), Ordering::Relaxed);
    }
}

/// One program with its victim and its neighbours.
pub(crate) struct Scene {
    label: &'static str,
    victim: Victim,
    signals: Arc<Signals>,
    neighbours: Option<JoinHandle<()>>,
    waits: [Vec<u64>; 2],
    /// For how long the neighbours have gone on.
    busy: Duration,
    _server: Server,
}

impl Scene {
    pub(crate) fn new(
        label: &'static str,
        program: &Path,
        kind: &Arc<LoadKind>,
        scratch: &ScratchDirectory,
    ) -> Self {
        let (server, address) = Server::start(program, kind.setting, scratch);
        let victim = if kind.setting == Setting::Tls {
            // Its own handshake is nothing to be measured here.
            let stream = UnixStream::connect(scratch.socket()).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Victim::over(stream)
        } else {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Victim::over(stream)
        };
        let signals = Arc::new(Signals::default());
        let neighbours = thread::spawn({
            let (kind, signals) = (kind.clone(), signals.clone());
            move || run(&kind, address, &signals)
        });
        Scene {
            label,
            victim,
            signals,
            neighbours: Some(neighbours),
            waits: [vec![], vec![]],
            busy: Duration::ZERO,
            _server: server,
        }
    }

    /// Has the neighbours go on or rest, until what was under way has gone by.
    fn turn(&mut self, goes_on: bool, settle: Duration) {
        self.signals.follows.store(false, Ordering::Relaxed);
        self.signals.goes_on.store(goes_on, Ordering::Relaxed);
        while !self.signals.follows.load(Ordering::Relaxed) {
            self.victim.ask(PACE, &mut vec![]);
        }
        self.victim.ask(settle, &mut vec![]);
    }

    /// A slice without the neighbours, and one with them.
    pub(crate) fn round(&mut self, settle: Duration) {
        self.turn(false, SETTLE);
        self.victim.ask(SLICE, &mut self.waits[0]);
        let began = Instant::now();
        self.turn(true, settle);
        self.victim.ask(SLICE, &mut self.waits[1]);
        self.turn(false, Duration::ZERO);
        self.busy += began.elapsed();
    }

    pub(crate) fn report(&mut self, kind: &LoadKind) {
        self.waits.iter_mut().for_each(|waits| waits.sort_unstable());
        let [[p50, p99], [p50_with, p99_with]] =
            self.waits.each_ref().map(|waits| [50, 99].map(|percent| percentile(waits, percent)));
        let (p50_more, p99_more) = (p50_with - p50, p99_with - p99);
        let done = self.signals.done.load(Ordering::Relaxed) as f64 / self.busy.as_secs_f64();
        let out = self.signals.thrown_out.load(Ordering::Relaxed);
        println!(
            "{:<44}{:<7}{p50:>9.3}{p50_with:>9.3}{p50_more:>9.3}{p99:>9.3}{p99_with:>9.3}{p99_more:>9.3}{done:>14.0} {}/s, {out} thrown out",
            kind.name, self.label, kind.unit
        );
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.signals.goes_on.store(false, Ordering::Relaxed);
        self.signals.ends.store(true, Ordering::Relaxed);
        if let Some(neighbours) = self.neighbours.take() {
            neighbours.join().unwrap();
        }
    }
}

/// In milliseconds.
fn percentile(waits: &[u64], percent: usize) -> f64 {
    waits[(waits.len() * percent / 100).min(waits.len() - 1)] as f64 / 1e6
}
