//! Whoever watches a server of several workers hears everything in order, whatever the network does, while
//! others take roles away from it.

use std::sync::Arc;
use std::time::Duration;

use sysconn::sim::{End, Faults, Next, Script, ScriptRunner, Simulated, Simulation};
use sysconn::{
    Access, Application, Cause, Context, Effects, Identity, Login, Module, Outcome, Push, Record, Request,
    Route, Router, Topic,
};

use super::common::Ledger;

/// A role of 8 bits → empty; the connection is subscribed to the topic with that number.
const LOGIN: u16 = 2101;
const LOGOUT: u16 = 2102;
const PUSHED: u16 = 2103;
const ROLES: u64 = 5;

#[derive(Default)]
struct Game {
    replaced: u64,
}

/// How often its connection was replaced.
#[derive(Default)]
struct Session(u32);

impl Application for Game {
    type Session = Session;

    fn replaced(&mut self, _: &Record, session: &mut Session, _: &mut Effects) {
        self.replaced += 1;
        session.0 += 1;
    }

    fn closed(&mut self, _: &Record, session: Session, cause: Cause, _: &mut Effects) {
        assert_eq!(session.0, u32::from(cause == Cause::Replaced), "told once of what it ended for");
    }
}

impl Simulated for Game {}

fn login(_: &mut Game, request: Request<'_>, context: &mut Context<'_, Session>) -> Outcome {
    let &[role_id] = request.data() else { return Outcome::Undecodable };
    let identity = Identity { role_id: role_id.into(), ..Identity::default() };
    context.login(Login { identity, take_topics: role_id % 2 == 0, ..Login::default() }).unwrap();
    context.subscribe(&Topic::from(u64::from(role_id))).unwrap();
    context.reply(b"")
}

static MODULE: Module<Game> = Module::new(
    21,
    "game",
    [
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Anyone, |_, _, context: &mut Context<'_, Session>| {
            context.logout();
            let id = context.id();
            context.effects().unsubscribe_all(id);
            context.reply(b"")
        }),
    ],
);
static ROUTES: Router<Game> = Router::new([&MODULE]);

/// Plays one role after the other, and loses it to others.
struct Player(u32);

impl Script for Player {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        if self.0 == 0 {
            runner.close(1000);
            return Next::Rest;
        }
        self.0 -= 1;
        if !runner.is_open() {
            runner.upgrade();
            runner.may_end(&[End::Closed(Some(4007))]);
            return Next::Answered;
        }
        let role_id = runner.random().below(ROLES) as u8;
        match role_id {
            0 => runner.call(LOGOUT, b"", b""),
            _ => runner.call(LOGIN, &[role_id], b""),
        }
        Next::After(Duration::from_millis(runner.random().below(200)))
    }

    fn pushed(&mut self, _: &mut ScriptRunner, cmd: u16, _: &[u8]) -> Result<(), String> {
        if cmd == PUSHED { Ok(()) } else { Err(format!("a push of {cmd}")) }
    }
}

/// Returns how many connections were replaced.
fn run(seed: u64, workers: usize) -> u64 {
    let mut simulation = Simulation::new(seed);
    simulation.clients = 30;
    simulation.config.workers = workers;
    simulation.faults = Faults::harmless(0.1);
    let ledger: Arc<Ledger> = Ledger::of(&mut simulation.config);
    let mut running = simulation.start(&ROUTES, |_| Game::default(), |_, _| Box::new(Player(20))).unwrap();
    for round in 0..400 {
        running.step().unwrap();
        let claims = ledger.claims();
        if round % 3 == 0
            && let Some(claim) = claims.get(round % claims.len().max(1))
        {
            running.handle().replace_role(*claim);
            running.handle().send_to_role(claim.role_id, &Push::new(PUSHED, b"")).unwrap();
        }
    }
    let replaced = (0..workers).map(|worker| running.state(worker).unwrap().replaced).sum();
    running.finish().unwrap();
    ledger.check_empty();
    replaced
}

#[test]
fn a_watcher_hears_each_beginning_and_each_end_once() {
    for workers in [1, 3] {
        let replaced: u64 = (1..=20).map(|seed| run(seed, workers)).sum();
        assert!(replaced > 100, "{replaced} were replaced on {workers} workers");
    }
}
