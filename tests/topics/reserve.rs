//! What clients and calls leave unfinished never takes the application its own publishes.

use std::time::Duration;

use sysconn::{
    Application, Context, Effects, Outcome, PublishError, Push, Reactor, Request, Service, Tick, Topic,
};

use super::club::PUSHED;
use super::common::{Client, UPGRADE, config, eventually, with};

const TOPIC: Topic = Topic::Id(7);

/// Publishes as much as it may in each of its hooks.
#[derive(Default)]
struct Hoarder {
    /// Who published, and how often that was possible.
    seen: Vec<(&'static str, usize)>,
}

impl Hoarder {
    fn hoard(&mut self, who: &'static str, effects: &mut Effects) {
        if self.seen.iter().all(|(seen, _)| *seen != who) {
            self.seen.push((who, publish_all(effects)));
        }
    }
}

/// Publishes until it may not.
fn publish_all(effects: &mut Effects) -> usize {
    // No such connections exist, so they are subscribed for this call only.
    for slot in 0..100 {
        effects.subscribe(sysconn::ConnectionId::from_u64(1 << 40 | slot), &TOPIC).unwrap();
    }
    let push = Push::new(PUSHED, b"to many");
    let count = std::iter::from_fn(|| effects.publish(&TOPIC, &push).ok()).count();
    assert_eq!(effects.publish(&TOPIC, &push), Err(PublishError::TooMany));
    count
}

impl Application for Hoarder {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.hoard("a client", context.effects());
    }

    fn tick(&mut self, _: Tick, effects: &mut Effects) {
        if self.seen.iter().any(|(seen, _)| *seen == "a client") {
            self.hoard("a tick", effects);
        }
    }

    fn draining(&mut self, effects: &mut Effects) {
        self.hoard("a drain", effects);
    }
}

fn ignore(_: &mut Hoarder, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

#[test]
fn clients_and_calls_leave_a_quarter_of_the_publishes_to_the_application() {
    let config = with(config(), |config| config.tick = Some(Duration::from_millis(1)));
    let mut reactor = Reactor::bind(&config, Service::Any(ignore), Hoarder::default()).unwrap();
    let handle = reactor.handle();
    reactor.act(|game, effects| game.hoard("act", effects));
    let mut client = Client::raw(reactor.local_addr().unwrap());
    client.send(UPGRADE);
    turn_until(&mut reactor, "a client");
    turn_until(&mut reactor, "a tick");
    let thread = handle.clone();
    handle
        .call(0, move |game: &mut Hoarder, effects: &mut Effects| {
            game.hoard("a call", effects);
            let push = Push::new(PUSHED, b"to many");
            let more = std::iter::from_fn(|| thread.publish(&TOPIC, &push).ok()).count();
            game.seen.push(("a thread beside it", more));
        })
        .unwrap();
    turn_until(&mut reactor, "a thread beside it");
    handle.drain();
    turn_until(&mut reactor, "a drain");
    assert_eq!(
        reactor.act(|game, _| game.seen.clone()),
        [
            ("act", 4096),
            ("a client", 3072),
            ("a tick", 4096),
            ("a call", 3072),
            ("a thread beside it", 1024),
            ("a drain", 4096),
        ]
    );
}

fn turn_until(reactor: &mut Reactor<Hoarder>, who: &str) {
    eventually(who, || {
        reactor.turn(Some(Duration::from_millis(1))).unwrap();
        reactor.act(|game, _| game.seen.iter().any(|(seen, _)| *seen == who))
    });
}

#[test]
fn a_panic_between_turns_leaves_clients_what_they_had() {
    let mut reactor = Reactor::bind(&config(), Service::Any(ignore), Hoarder::default()).unwrap();
    let act = std::panic::AssertUnwindSafe(|| reactor.act(|_, _| panic!("as the test asked")));
    assert!(std::panic::catch_unwind(act).is_err());
    let mut client = Client::raw(reactor.local_addr().unwrap());
    client.send(UPGRADE);
    turn_until(&mut reactor, "a client");
    assert_eq!(reactor.act(|game, _| game.seen.clone()), [("a client", 3072)]);
}
