//! Ticks on the real clock, with one worker and with several.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use sysconn::{Application, Effects, Module, Router, Service, Tick, Worker, Workers};

use super::common::{PATIENCE, config, with};

const PERIOD: Duration = Duration::from_millis(5);

/// Reports the ticks of one worker.
struct Clockwork {
    worker: usize,
    ticks: Sender<(usize, Tick)>,
    /// How often other workers have ticked.
    heard: u64,
    access: Worker<Clockwork>,
}

impl Application for Clockwork {
    type Session = ();

    fn tick(&mut self, tick: Tick, _: &mut Effects) {
        let _ = self.ticks.send((self.worker, tick));
        // Mail and ticks do not hold each other up.
        for worker in (0..self.access.count()).filter(|&worker| worker != self.worker) {
            let _ = self.access.call(worker, |clockwork, _| clockwork.heard += 1);
        }
    }
}

static NOTHING: Module<Clockwork> = Module::new(14, "nothing", []);
static ROUTES: Router<Clockwork> = Router::new([&NOTHING]);

#[test]
fn each_worker_has_its_ticks_beside_its_mail() {
    for workers in [1, 3] {
        let config = with(config(), |config| (config.workers, config.tick) = (workers, Some(PERIOD)));
        let (sender, ticks) = channel();
        let clockwork = |worker: Worker<Clockwork>| Clockwork {
            worker: worker.index(),
            ticks: sender.clone(),
            heard: 0,
            access: worker,
        };
        let mut server = Workers::bind(&config, Service::from(&ROUTES), clockwork).unwrap();
        let (handle, all) = (server.handle(), server.workers());
        assert!(all.iter().map(Worker::index).eq(0..workers));
        let thread = std::thread::spawn(move || server.run());
        let mut seen = vec![vec![]; workers];
        while seen.iter().any(|ticks| ticks.len() < 20) {
            let (worker, tick) = ticks.recv_timeout(PATIENCE).unwrap();
            seen[worker].push(tick);
        }
        for ticks in &seen {
            for [before, tick] in ticks.array_windows() {
                assert_eq!(tick.number, before.number + tick.missed + 1, "{tick:?}");
            }
        }
        let (found, heard) = channel();
        all[0].call(0, move |clockwork, _| found.send(clockwork.heard).unwrap()).unwrap();
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap() > 0, workers > 1);
        handle.drain();
        thread.join().unwrap().unwrap();
    }
}
