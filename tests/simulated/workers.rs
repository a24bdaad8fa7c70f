//! Several workers in one simulation, and a test that acts between their turns.

use std::time::Duration;

use sysconn::config::Listen;
use sysconn::sim::{
    Expected, Faults, Network, Next, Report, Running, Script, ScriptRunner, Simulated, Simulation,
};
use sysconn::{
    Access, Application, Config, Context, Effects, Module, Outcome, Peer, Push, Reactor, Request, Route,
    Router, Worker,
};

const WORKERS: usize = 3;
const CLIENTS: u32 = 40;
const CALL: u16 = 2101;
const CALLED: u16 = 2102;
const PUSHED: u16 = 2103;

/// One on each worker.
struct Game {
    worker: Worker<Game>,
    calls: u32,
}

impl Application for Game {
    type Session = ();
}

impl Simulated for Game {}

/// Calls all workers. Each of them sends the client a push.
fn call(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = context.id();
    for worker in 0..game.worker.count() {
        let called = move |game: &mut Game, effects: &mut Effects| {
            game.calls += 1;
            effects.send(id, &Push::new(CALLED, &[worker as u8]));
        };
        game.worker.call(worker, called).unwrap();
    }
    context.reply(&[game.worker.index() as u8])
}

static MODULE: Module<Game> = Module::new(21, "game", [Route::new(CALL, "call", Access::Anyone, call)]);
static ROUTES: Router<Game> = Router::new([&MODULE]);

/// Calls once, and stays until all workers have answered and a push has come.
#[derive(Default)]
struct Guest {
    acts: u32,
    called: Vec<u8>,
    pushes: u32,
}

impl Script for Guest {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        self.acts += 1;
        match self.acts {
            1 => runner.upgrade(),
            2 => {
                let flag = runner.request(CALL, b"");
                runner.expect(Expected { error_id: 0, flag, cmd: CALL, data: None });
            }
            _ if self.called.len() < WORKERS || self.pushes == 0 => {
                return Next::After(Duration::from_millis(50));
            }
            _ => {
                runner.close(1000);
                return Next::Rest;
            }
        }
        Next::Answered
    }

    fn pushed(&mut self, _: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        match cmd {
            CALLED => self.called.extend(data),
            PUSHED => self.pushes += 1,
            _ => return Err(format!("a push of {cmd}")),
        }
        Ok(())
    }
}

fn start(seed: u64) -> Running<Game> {
    let mut simulation = Simulation::new(seed);
    simulation.clients = CLIENTS;
    simulation.config.workers = WORKERS;
    simulation.faults = Faults::harmless(0.1);
    simulation.start(&ROUTES, |worker| Game { worker, calls: 0 }, |_, _| Box::<Guest>::default()).unwrap()
}

/// Runs until all are called, and pushes to every client: by effects, by the server's handle, and by a call.
fn run(seed: u64) -> Report {
    let mut running = start(seed);
    running.run_until(Duration::from_secs(5)).unwrap();
    assert!(running.now() >= Duration::from_secs(5) && running.now() < Duration::from_millis(5100));
    let ids: Vec<_> = (0..CLIENTS).map(|client| running.connection(client).unwrap()).collect();
    for worker in 0..WORKERS {
        let own = ids.iter().filter(|id| id.worker() == worker).count();
        assert!((1..CLIENTS as usize).contains(&own), "{own} of {CLIENTS} are on worker {worker}");
        assert_eq!(running.state(worker).unwrap().calls, CLIENTS);
    }
    let push = Push::new(PUSHED, b"");
    for (&id, way) in ids.iter().zip([0, 1, 2].into_iter().cycle()) {
        // Worker 1 does it, wherever the client is.
        match way {
            0 => running.act(1, |_, effects| effects.send(id, &push)).unwrap(),
            1 => running.handle().send(id, &push).unwrap(),
            _ => {
                let push = push.clone();
                running.worker(0).unwrap().call(1, move |_, effects| effects.send(id, &push)).unwrap();
            }
        }
    }
    assert!(running.act(WORKERS, |_, _| ()).is_none() && running.worker(WORKERS).is_none());
    assert!(running.state(WORKERS).is_none() && running.connection(CLIENTS).is_none());
    running.finish().unwrap()
}

#[test]
fn a_test_acts_on_several_workers_between_turns() {
    let reports: Vec<_> = (1..=4).map(run).collect();
    for report in &reports {
        assert_eq!((report.replies, report.requests), (CLIENTS.into(), CLIENTS.into()));
        assert_eq!(report.ends.get("closed with 1000"), Some(&u64::from(CLIENTS)));
    }
    assert_eq!(run(1), reports[0], "the seed decides everything");
    assert_ne!(reports[0].trace, reports[1].trace);
}

/// Makes two reactors that listen on a TCP address and on a Unix socket.
fn pair(network: &Network) -> [Reactor<Game>; 2] {
    let listen = vec![Listen::Tcp(([127, 0, 0, 1], 80).into()), Listen::Unix("/simulated".into())];
    let mut config = Config::default();
    (config.workers, config.listen) = (2, listen);
    let state = |worker| Game { worker, calls: 0 };
    Reactor::simulated_workers(&config, &ROUTES, state, network).unwrap().try_into().ok().unwrap()
}

#[test]
fn a_client_of_a_unix_socket_goes_to_the_worker_that_turns_first() {
    for first in [0, 1] {
        let network = Network::new(1);
        let mut workers = pair(&network);
        let _client = network.connect(Peer::Local).unwrap();
        for worker in [first, 1 - first] {
            workers[worker].turn(Some(Duration::ZERO)).unwrap();
        }
        assert_eq!((workers[first].connections(), workers[1 - first].connections()), (1, 0));
    }
}

#[test]
fn a_poll_ends_when_another_worker_has_something_to_do() {
    let network = Network::new(1);
    let [mut first, mut second] = pair(&network);
    for reactor in [&mut first, &mut second] {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let began = network.now();
    first.turn(Some(Duration::from_millis(500))).unwrap();
    assert!(network.now() - began >= Duration::from_millis(500), "nothing happens");

    first.state().worker.call(1, |game, _| game.calls += 1).unwrap();
    let began = network.now();
    first.turn(Some(Duration::from_millis(500))).unwrap();
    assert!(network.now() - began < Duration::from_millis(2), "the mail of the second waits");
    drop(second);
    let began = network.now();
    first.turn(Some(Duration::from_millis(500))).unwrap();
    assert!(network.now() - began >= Duration::from_millis(500), "a reactor that is gone has nothing to do");
}
