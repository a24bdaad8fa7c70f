//! The pulse of a reactor, as a watchdog beside its loop sees it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sysconn::metrics::{Metrics, Pulse, PulseState, Work};
use sysconn::{
    Access, Application, Context, Effects, Module, Outcome, Reactor, Request, Route, Router, Tick,
};

use super::common::{Client, PATIENCE, config, eventually, with};

/// Hangs where it is told to, until it is let go.
struct Hanging {
    reached: Sender<()>,
    go: Receiver<()>,
    in_tick: bool,
}

impl Hanging {
    fn hang(&self) {
        self.reached.send(()).unwrap();
        self.go.recv_timeout(PATIENCE).unwrap();
    }
}

impl Application for Hanging {
    type Session = ();

    fn tick(&mut self, _: Tick, _: &mut Effects) {
        if std::mem::take(&mut self.in_tick) {
            self.hang();
        }
    }
}

fn hang(game: &mut Hanging, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.hang();
    context.reply(request.data())
}

static MODULE: Module<Hanging> = Module::new(
    11,
    "hanging",
    [
        Route::new(1101, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(1107, "hang", Access::Anyone, hang),
        Route::new(1108, "tick", Access::Anyone, |game, _, context| {
            game.in_tick = true;
            context.reply(b"")
        }),
    ],
);
static ROUTER: Router<Hanging> = Router::new([&MODULE]);

fn pulse(metrics: &Metrics) -> Pulse {
    metrics.pulses().next().unwrap()
}

#[test]
fn a_reactor_that_hangs_is_named_while_it_hangs() {
    let config = with(config(), |config| {
        config.metrics = true;
        config.tick = Some(Duration::from_millis(1));
    });
    let ((reached, reaches), (goes, go)) = (channel(), channel());
    let mut reactor = Reactor::bind(&config, &ROUTER, Hanging { reached, go, in_tick: false }).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let metrics = handle.metrics().unwrap();
    assert_eq!(pulse(&metrics).state, PulseState::Ended, "it has not begun");
    let thread = std::thread::spawn(move || reactor.run());

    let mut client = Client::connect(address);
    for (cmd, work, of) in [(1107, Work::Handler, Some(1107)), (1108, Work::Tick, None)] {
        client.send_packet(cmd, 7, b"");
        reaches.recv_timeout(PATIENCE).unwrap();
        let first = pulse(&metrics);
        assert_eq!((first.state, first.work, first.cmd), (PulseState::InTurn, work, of));
        assert!(pulse(&metrics).is_stuck_since(&first), "{cmd}");
        metrics.stalled(&first);
        // The reactor hangs, and is asked all the same.
        let snapshot = metrics.snapshot();
        assert_eq!(
            snapshot.routes.iter().map(|route| route.received).sum::<u64>(),
            if cmd == 1107 { 1 } else { 3 }
        );
        goes.send(()).unwrap();
        assert_eq!(client.reply().cmd, cmd);
        client.send_packet(1101, 8, b"");
        assert_eq!(client.reply().cmd, 1101);
        assert!(!pulse(&metrics).is_stuck_since(&first), "it goes on");
        if cmd == 1107 {
            // The next one counts from here.
            let stalls = metrics.snapshot().routes.iter().map(|route| route.stalls).sum::<u64>();
            assert_eq!(stalls, 1);
        }
    }
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.other_stalls.iter().find(|(work, _)| *work == "tick"), Some(&("tick", 1)));
    eventually("it sleeps now and then", || pulse(&metrics).state == PulseState::Sleeping);
    handle.drain();
    drop(client);
    thread.join().unwrap().unwrap();
    assert_eq!(pulse(&metrics).state, PulseState::Ended);
}

#[test]
fn between_two_turns_of_an_own_loop_a_reactor_is_away() {
    let config = with(config(), |config| config.metrics = true);
    let ((reached, _reaches), (_goes, go)) = (channel(), channel());
    let mut reactor = Reactor::bind(&config, &ROUTER, Hanging { reached, go, in_tick: false }).unwrap();
    let metrics = reactor.handle().metrics().unwrap();
    for turn in 1..4 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!((pulse(&metrics).state, pulse(&metrics).turn), (PulseState::Away, turn));
    }
    let seen = reactor.act(|_, _| pulse(&metrics));
    assert_eq!((seen.state, seen.work), (PulseState::Away, Work::Call));
    drop(reactor);
    assert_eq!(pulse(&metrics).state, PulseState::Ended);
}
