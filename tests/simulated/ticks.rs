//! Ticks on a virtual clock: each point of the grid once, none early, and those that are missed skipped.

use std::time::Duration;

use sysconn::sim::{Fault, Faults, Network};
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Effects, Module, Push, Reactor, Route, Router, Tick,
    Turn,
};

use crate::common::{packet, with};
use crate::connect;
use crate::population::{data_of, frames, packets};

const MS: Duration = Duration::from_millis(1);
/// What a simulated poll takes.
const POLL: Duration = Duration::from_micros(1);
const PUSHED: u16 = 1402;

/// Notes its ticks, each of which may take some time.
struct World {
    network: Network,
    ticks: Vec<(Tick, Duration)>,
    /// How long the tick of a number takes, or none if it panics.
    takes: fn(u64) -> Option<Duration>,
    members: Vec<ConnectionId>,
    /// The tick that sends to all members, one by one.
    sends_at: u64,
}

impl Application for World {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.members.push(context.id());
    }

    fn tick(&mut self, tick: Tick, effects: &mut Effects) {
        self.ticks.push((tick, self.network.now()));
        if tick.number == self.sends_at {
            for &member in &self.members {
                effects.send(member, &Push::new(PUSHED, b"first"));
                effects.send(member, &Push::new(PUSHED, b"second"));
            }
        }
        let Some(takes) = (self.takes)(tick.number) else { panic!("as the test asked") };
        self.network.advance(takes);
    }
}

static ECHO: Module<World> = Module::new(
    14,
    "echo",
    [Route::new(1401, "echo", Access::Anyone, |_, request, context| context.reply(request.data()))],
);
static ROUTES: Router<World> = Router::new([&ECHO]);

fn world(network: &Network, tick: Duration, takes: fn(u64) -> Option<Duration>) -> Reactor<World> {
    let config = with(Config::default(), |config| config.tick = Some(tick));
    let world = World { network: network.clone(), ticks: vec![], takes, members: vec![], sends_at: 0 };
    Reactor::simulated(&config, &ROUTES, world, network).unwrap()
}

/// Turns until the time is `until`.
fn run_until(reactor: &mut Reactor<World>, network: &Network, until: Duration) {
    while network.now() < until {
        assert_eq!(reactor.turn(Some(until - network.now())).unwrap(), Turn::Running);
    }
}

/// Checks that each point that has passed had its tick or was counted as missed, and that none was early.
fn check_grid(ticks: &[(Tick, Duration)], period: Duration) {
    let mut last = 0;
    for (tick, now) in ticks {
        assert_eq!(tick.number, last + tick.missed + 1, "each point once: {tick:?}");
        let point = Duration::from_nanos(tick.number * period.as_nanos() as u64);
        assert!(point + tick.late >= *now && point <= *now, "{tick:?} at {now:?}, due at {point:?}");
        last = tick.number;
    }
}

#[test]
fn an_hour_of_60_hz_has_216_000_ticks() {
    let (network, period) = (Network::new(1), Duration::from_secs(1) / 60);
    let mut reactor = world(&network, period, |_| Some(Duration::ZERO));
    run_until(&mut reactor, &network, Duration::from_secs(3600));
    let ticks = &reactor.state().ticks;
    assert_eq!(ticks.len(), 216_000);
    check_grid(ticks, period);
    assert!(
        ticks.iter().all(|(tick, _)| tick.missed == 0 && tick.late <= MS + POLL),
        "a poll waits whole ms"
    );
}

#[test]
fn points_that_pass_during_a_tick_or_a_stall_are_skipped() {
    let network = Network::new(1);
    // The third one takes 35 ms, and the next one begins late but before its successor is due.
    let takes = |number| Some(if number == 3 { 35 * MS } else { Duration::ZERO });
    let mut reactor = world(&network, 10 * MS, takes);
    run_until(&mut reactor, &network, 95 * MS);
    network.advance(60 * MS);
    run_until(&mut reactor, &network, 185 * MS);
    let ticks = &reactor.state().ticks;
    let seen: Vec<_> = ticks.iter().map(|(tick, _)| (tick.number, tick.missed)).collect();
    let expected = [1, 2, 3, 6, 7, 8, 9, 15, 16, 17, 18].map(|number| match number {
        6 => (number, 2),
        15 => (number, 5),
        _ => (number, 0),
    });
    assert_eq!(seen, expected);
    check_grid(ticks, 10 * MS);
    let late = |number| ticks.iter().find(|(tick, _)| tick.number == number).unwrap().0.late;
    assert!((5 * MS..6 * MS).contains(&late(6)) && (5 * MS..7 * MS).contains(&late(15)));
}

#[test]
fn a_tick_longer_than_its_period_leaves_turns_to_the_clients() {
    let network = Network::new(1);
    let mut reactor = world(&network, 10 * MS, |_| Some(15 * MS));
    let mut client = connect(&network);
    let requests: Vec<_> = (1..=20).flat_map(|flag| packet(1401, flag, b"in between")).collect();
    client.send(&requests);
    let mut turns = 0;
    let mut received = vec![];
    while packets(&received).len() < 20 {
        let before = reactor.state().ticks.len();
        reactor.turn(None).unwrap();
        assert!(reactor.state().ticks.len() <= before + 1, "at most one in a turn");
        client.receive(&mut received);
        turns += 1;
        assert!(turns < 20, "the client is served");
    }
    run_until(&mut reactor, &network, Duration::from_secs(1));
    check_grid(&reactor.state().ticks, 10 * MS);
    assert_eq!(reactor.state().ticks.len(), 66, "one in 15 ms");
}

#[test]
fn ticks_go_on_after_panics() {
    let network = Network::new(1);
    let mut reactor = world(&network, 10 * MS, |number| (number % 2 == 0).then_some(Duration::ZERO));
    reactor.act(|world, _| world.sends_at = 5);
    let mut client = connect(&network);
    run_until(&mut reactor, &network, 105 * MS);
    assert_eq!(reactor.state().ticks.len(), 10);
    let mut received = vec![];
    client.receive(&mut received);
    assert_eq!(packets(&received).len(), 2, "what a tick asked for before its panic is done");
}

#[test]
fn whatever_faults_there_are_each_point_is_met_once_or_counted() {
    for seed in 0..50 {
        let (network, period) = (Network::new(seed), Duration::from_micros(16_667));
        let mut reactor = world(&network, period, |number| Some(MS * (number % 7 / 6 * 20) as u32));
        network.set_faults(Faults::harmless(0.1).with(Fault::TimeJump, 0.01).with(Fault::SlowStep, 0.2));
        let mut clients: Vec<_> = (0..10).map(|_| connect(&network)).collect();
        run_until(&mut reactor, &network, Duration::from_secs(60));
        clients.iter_mut().for_each(|client| client.finish());
        let ticks = &reactor.state().ticks;
        check_grid(ticks, period);
        let (last, now) = (ticks.last().unwrap().0.number, network.now());
        let passed = now.as_nanos() as u64 / 16_667_000;
        assert!(last <= passed, "seed {seed}: none too early");
        assert!(ticks.iter().map(|(tick, _)| 1 + tick.missed).sum::<u64>() == last, "seed {seed}");
    }
}

#[test]
fn what_a_tick_sends_beyond_a_turns_time_follows_in_order() {
    let network = Network::new(1);
    let mut reactor = world(&network, 100 * MS, |_| Some(Duration::ZERO));
    let mut clients: Vec<_> = (0..4000).map(|_| connect(&network)).collect();
    run_until(&mut reactor, &network, 650 * MS);
    assert_eq!(reactor.state().members.len(), clients.len());
    for client in &mut clients {
        client.receive(&mut vec![]);
    }
    let next = reactor.state().ticks.last().unwrap().0.number + 1;
    reactor.act(|world, _| world.sends_at = next);
    while reactor.state().ticks.last().unwrap().0.number < next {
        reactor.turn(None).unwrap();
    }
    // The tick has been called, and its pushes wait for several turns. A request that comes meanwhile is
    // answered after them, and mail is not held back.
    let mut received = vec![vec![]; clients.len()];
    let mut hear = |clients: &mut Vec<sysconn::sim::Client>| {
        for (client, bytes) in clients.iter_mut().zip(&mut received) {
            client.receive(bytes);
        }
        received.clone()
    };
    let reached = |heard: Vec<Vec<u8>>| heard.iter().filter(|bytes| packets(bytes).len() >= 2).count();
    let at_first = reached(hear(&mut clients));
    assert!((16..2000).contains(&at_first), "{at_first} are reached at once");
    reactor.handle().call(0, |world: &mut World, _| world.sends_at = 0).unwrap();
    reactor.turn(None).unwrap();
    assert_eq!(reactor.state().sends_at, 0, "mail is delivered");
    assert!(reached(hear(&mut clients)) < 4000, "and more is to follow");
    for client in &mut clients {
        client.send(&packet(1401, 1, b"third"));
    }
    let now = network.now();
    assert!(turn_until_all(&mut reactor, || reached(hear(&mut clients)) == 4000), "all are reached");
    assert!(network.now() - now < 50 * MS, "without waiting for anything");
    for _ in 0..1000 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    for bytes in hear(&mut clients) {
        assert_eq!(data_of(&bytes), [&b"first"[..], b"second", b"third"]);
    }
}

fn turn_until_all(reactor: &mut Reactor<World>, mut holds: impl FnMut() -> bool) -> bool {
    (0..1000).any(|_| {
        reactor.turn(None).unwrap();
        holds()
    })
}

#[test]
fn ticks_go_on_until_the_server_has_drained() {
    let network = Network::new(1);
    let config = with(Config::default(), |config| {
        (config.tick, config.drain.delay) = (Some(10 * MS), 100 * MS);
        config.drain.timeout = Some(300 * MS);
    });
    let takes = |_| Some(Duration::ZERO);
    let state = World { network: network.clone(), ticks: vec![], takes, members: vec![], sends_at: 15 };
    let mut reactor = Reactor::simulated(&config, &ROUTES, state, &network).unwrap();
    let mut client = connect(&network);
    run_until(&mut reactor, &network, 50 * MS);
    reactor.handle().drain();
    // The client does not answer its Close.
    let drained = (0..1000).any(|_| reactor.turn(None).unwrap() == Turn::Drained);
    assert!(drained);
    let ticks = &reactor.state().ticks;
    check_grid(ticks, 10 * MS);
    let last = ticks.last().unwrap().0;
    assert_eq!(last.number, network.now().as_millis() as u64 / 10, "up to the last turn");
    let mut received = vec![];
    client.receive(&mut received);
    assert_eq!(frames(&received).len(), 3, "two pushes during the delay, and the Close");
}
