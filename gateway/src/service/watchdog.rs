//! The watchdog of the service manager (sd_watchdog_enabled(3)): it is told that the program is alive for as
//! long as no worker hangs.

use std::time::Duration;

use sysconn::metrics::{Metrics, Pulse, PulseState};
use tokio::time::{Instant, sleep};

use super::notify::{ServiceManager, State};

/// Looks in one period. The half in which a worker must end a turn has four.
const LOOKS: u32 = 8;

/// The time within which the service manager must be told, if it waits for that.
pub(crate) fn period_from_environment() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    // Both are inherited: the process that is watched may be this one's parent.
    let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|usec| *usec > 0 && is_meant).map(Duration::from_micros)
}

/// Tells the manager while each worker sleeps in its poll, or has ended a turn within half of the period.
pub(crate) async fn feed(manager: ServiceManager, metrics: Metrics, period: Duration) {
    let mut watch = Watch::new(period / 2);
    loop {
        if watch.look(Instant::now(), metrics.pulses()) {
            manager.tell(&State::Alive);
        }
        sleep(period / LOOKS).await;
    }
}

/// When each worker was last seen to work.
struct Watch {
    patience: Duration,
    /// By worker: its pulse at the last look, and when that was something new.
    seen: Vec<(Pulse, Instant)>,
}

impl Watch {
    fn new(patience: Duration) -> Self {
        Watch { patience, seen: Vec::new() }
    }

    /// Looks at the workers. Returns whether none hangs.
    fn look(&mut self, now: Instant, pulses: impl Iterator<Item = Pulse>) -> bool {
        for pulse in pulses {
            match self.seen.iter_mut().find(|(seen, _)| seen.worker == pulse.worker) {
                Some((seen, at)) => {
                    if pulse.state == PulseState::Sleeping || !pulse.is_stuck_since(seen) {
                        *at = now;
                    }
                    *seen = pulse;
                }
                None => self.seen.push((pulse, now)),
            }
        }
        self.seen.iter().all(|(_, at)| now.duration_since(*at) <= self.patience)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixDatagram;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use sysconn::config::Listen;
    use sysconn::{Access, Application, Config, Context, Module, Outcome, Request, Route, Router, Workers};

    use super::*;
    use crate::common::{Client, PATIENCE};
    use crate::side::Side;

    /// A game with a handler that hangs until it is told to go on.
    struct Hangs(Receiver<()>);

    impl Application for Hangs {
        type Session = ();
    }

    fn hang(game: &mut Hangs, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
        game.0.recv().expect("the test goes on");
        context.reply(b"")
    }

    static HANG: Module<Hangs> = Module::new(20, "hang", [Route::new(2001, "hang", Access::Anyone, hang)]);
    static ROUTES: Router<Hangs> = Router::new([&HANG]);

    const PERIOD: Duration = Duration::from_millis(400);

    /// Whether the manager is told within a period.
    fn is_fed(manager: &UnixDatagram) -> bool {
        manager.set_read_timeout(Some(PERIOD)).unwrap();
        let mut buffer = [0; 64];
        match manager.recv(&mut buffer) {
            Ok(len) => {
                assert_eq!(&buffer[..len], b"WATCHDOG=1\n");
                true
            }
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                false
            }
        }
    }

    #[test]
    fn it_is_fed_unless_a_handler_hangs() {
        let path = std::env::temp_dir().join(format!("sysconn-{}-watchdog", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut config = Config::default();
        config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        (config.workers, config.metrics) = (3, true);
        let (senders, states): (Vec<_>, Vec<_>) = (0..3).map(|_| channel()).unzip();
        let states = Mutex::new(states);
        let state = |_| Hangs(states.lock().unwrap().pop().unwrap());
        let mut workers = Workers::bind(&config, &ROUTES, state).unwrap();
        let (address, handle) = (workers.local_addr().unwrap(), workers.handle());
        let serving = thread::spawn(move || workers.run());
        let (told, metrics) = (ServiceManager::at(&path), handle.metrics().unwrap());
        let mut side = Side::default();
        side.add(move || feed(told, metrics, PERIOD));
        side.start().unwrap();
        // Idle workers sleep in their polls.
        for _ in 0..LOOKS * 3 {
            assert!(is_fed(&manager));
        }
        // One of three hangs: it stops, and begins again once the handler goes on.
        let mut client = Client::connect(address);
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_packet(2001, 1, b"");
        assert!((0..LOOKS * 3).any(|_| !is_fed(&manager)), "nobody notices");
        assert!(!is_fed(&manager));
        senders.iter().for_each(|sender| sender.send(()).unwrap());
        assert_eq!(client.reply().cmd, 2001);
        assert!((0..10).any(|_| is_fed(&manager)));
        drop(client);
        handle.drain();
        serving.join().unwrap().unwrap();
        drop(manager);
        std::fs::remove_file(path).unwrap();
    }
}
