//! One play: the steps that a script can have, what is looked at after each turn, and how it all ends.

use std::time::Duration;

use sysconn::config::{MAX_BAD_REQUESTS, Overflow};
use sysconn::sim::{Activity, Network, StreamState};
use sysconn::{Config, Peer, Reactor, Survey, Turn};

use crate::game::{Game, PUSHED_FROM_OUTSIDE, ROUTER};
use crate::player::Player;
use crate::script::{Script, speak};

/// Steps of one script.
const MAX_STEPS: usize = 300;
/// Clients that are there at one time; a step names one by two bits.
pub(crate) const PLAYERS: usize = 4;
/// Turns within which whatever is due has been done, once nothing more happens.
pub(crate) const PATIENCE: usize = 3000;
/// What may wait for a client; and beyond that, Pongs and one Close.
pub(crate) const OUTBOX_LIMIT: usize = 8192;
const MAX_PONG_BYTES: usize = 64 * 1024 + 125;
/// The time between two turns towards the end.
pub(crate) const STEP: Duration = Duration::from_millis(50);
/// Turns in which nothing happens, after which nothing will.
const QUIET_TURNS: usize = 3;
const UPGRADES: [&str; 4] = [
    "",
    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=9\r\n",
    "Host: twice\r\n",
];

pub(crate) struct Play {
    pub(crate) network: Network,
    pub(crate) reactor: Reactor<Game>,
    pub(crate) players: [Option<Player>; PLAYERS],
    /// Those who have left, with their ports.
    pub(crate) gone: Vec<(usize, Player)>,
    ports: [usize; PLAYERS],
    next_port: u16,
    pub(crate) drops: bool,
    pub(crate) limits_rate: bool,
}

impl Play {
    pub(crate) fn new(config: &Config, network: &Network) -> Self {
        let reactor =
            Reactor::simulated(config, &ROUTER, Game::default(), network).expect("a valid configuration");
        Play {
            network: network.clone(),
            reactor,
            players: [const { None }; PLAYERS],
            gone: vec![],
            ports: [0; PLAYERS],
            next_port: 0,
            drops: config.overflow == Overflow::Drop,
            limits_rate: config.max_packets_per_second != 0,
        }
    }

    pub(crate) fn perform(&mut self, script: &[u8]) {
        let mut script = Script(script);
        for _ in 0..MAX_STEPS {
            if script.0.is_empty() {
                return;
            }
            let first = script.byte();
            self.step(first & 31, usize::from(first >> 6), &mut script);
        }
    }

    /// One step: what happens (the lowest five bits) and to which client (the highest two). Bytes behind it say more.
    fn step(&mut self, kind: u8, who: usize, script: &mut Script<'_>) {
        match kind {
            0 => self.connect(who, script.byte()),
            1 | 2 => {
                let (turns, ms) = (script.byte(), script.byte());
                for _ in 0..=turns % 8 {
                    self.turn(Duration::from_millis(ms.into()));
                }
            }
            3 => self.network.advance(Duration::from_millis(u64::from(script.byte()) << 5)),
            4 => {
                let (index, how) = (script.byte(), script.byte());
                self.reactor.state_mut().answer(index.into(), how);
            }
            5 => self.from_outside(who, script.byte()),
            6 => {
                let links = &mut self.reactor.state_mut().links;
                if let Some(link) = links.pop() {
                    link.end();
                }
            }
            7 => self.leave(who),
            30 => drop(self.reactor.handle().survey(audit)),
            _ => {
                if let Some(player) = &mut self.players[who] {
                    speak(player, kind, script);
                }
            }
        }
    }

    fn connect(&mut self, who: usize, how: u8) {
        self.leave(who);
        self.next_port += 1;
        let ip = [10, 0, 0, how & 1].into();
        let Ok(client) = self.network.connect(Peer::Ip(ip, self.next_port)) else { return };
        let mut player = Player::new(client);
        let extra = UPGRADES[usize::from(how >> 1 & 3)];
        if how & 0x80 == 0 {
            player.say(
                format!(
                    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
                )
                .as_bytes(),
            );
        }
        self.ports[who] = self.next_port.into();
        self.players[who] = Some(player);
    }

    /// A client's process ends.
    pub(crate) fn leave(&mut self, who: usize) {
        if let Some(mut player) = self.players[who].take() {
            player.act();
            player.is_done = true;
            player.client.finish();
            player.client.reset();
            self.gone.push((self.ports[who], player));
        }
    }

    /// What a handle or the server's handle is used for, from outside of handlers.
    fn from_outside(&mut self, who: usize, what: u8) {
        let port = self.ports[who];
        let server = self.reactor.handle();
        let game = self.reactor.state_mut();
        let Some(id) = game.seat(port).id else { return };
        let push = game.push_for(id, PUSHED_FROM_OUTSIDE);
        // Who is gone gets nothing, and that is no fault.
        match (game.seat(port).handle.clone(), what % 6) {
            (Some(handle), 0) => drop(handle.send(&push)),
            (Some(handle), 1) => drop(handle.kick()),
            (Some(handle), 2) => drop(handle.set_debug(what & 0x80 != 0)),
            (_, 3) => drop(server.kick(id)),
            _ => drop(server.send(id, &push)),
        }
    }

    /// All clients act, and then the reactor has its turn, of which this is what it did.
    pub(crate) fn turn(&mut self, at_most: Duration) -> Activity {
        for player in self.players.iter_mut().flatten() {
            player.act();
        }
        let turn = self.reactor.turn(Some(at_most)).expect("a turn");
        assert_eq!(turn, Turn::Running);
        self.check_turn()
    }

    pub(crate) fn check_turn(&mut self) -> Activity {
        let (activity, ledger) = (self.network.take_activity(), self.network.ledger());
        assert!(activity.accepts <= 64, "{activity:?}");
        assert!(activity.most_read_bytes <= 1 << 20, "{activity:?}");
        assert_eq!((ledger.closed_twice, ledger.unasked_reads, ledger.unasked_writes), (0, 0, 0));
        assert!(ledger.accepted <= ledger.connected);
        activity
    }

    /// All that is owed is answered, and all that was said is heard. Where lines take a byte at a time that may need
    /// more turns than these; then nothing is looked at.
    pub(crate) fn settle(&mut self) {
        self.network.set_faults(sysconn::sim::Faults::NONE);
        for player in self.players.iter_mut().flatten() {
            player.piece = usize::MAX;
            player.is_deaf = false;
            player.client.set_window(1 << 20);
        }
        let mut quiet_turns = 0;
        for _ in 0..PATIENCE {
            while !self.reactor.state().owed.is_empty() {
                self.reactor.state_mut().answer(0, 0);
            }
            // Who has work left from the turn before does not wait: what uses up its share takes one turn each.
            let has_waited = self.turn(Duration::from_millis(1)).timeout != Some(Duration::ZERO);
            let is_quiet = has_waited && !self.network.has_events() && self.reactor.state().owed.is_empty();
            quiet_turns = if is_quiet { quiet_turns + 1 } else { 0 };
            // What one turn has brought the clients take in the next.
            if quiet_turns == QUIET_TURNS {
                // A Ping that the last turn has brought is answered.
                for player in self.players.iter_mut().flatten() {
                    player.act();
                    player.act();
                }
                let players = self.players.iter().zip(self.ports);
                players.for_each(|(player, port)| self.check_answered(player.as_ref(), port));
                return;
            }
        }
    }

    /// Who has kept to the rules, and is still there, has got an answer to the last request that has one.
    fn check_answered(&self, player: Option<&Player>, port: usize) {
        let Some(player) = player else { return };
        let seat = self.reactor.state().seats.get(port);
        let is_open = seat.is_some_and(|seat| seat.opened == 1 && seat.closed.is_none());
        let may_miss = player.is_wild || player.is_done || player.close.is_some() || self.drops;
        if is_open && !may_miss && player.line == StreamState::Open {
            assert!(player.has_sent_all(), "what is said is not read");
            assert_eq!(player.client.unread(), 0, "what is sent is not read");
            // What needs no answer can have a refusal.
            assert!(player.answered_flag >= player.owed_flag, "a reply is missing");
        }
    }
}

/// What holds of the connections at any time. It panics outside of handlers, so nobody catches it.
fn audit(survey: &Survey<'_>) {
    let totals = survey.totals();
    assert_eq!(totals.accepted, totals.closed + survey.len() as u64);
    for snapshot in survey.page(0, usize::MAX) {
        let waits = snapshot.outbox_bytes;
        assert!(waits <= OUTBOX_LIMIT + MAX_PONG_BYTES, "{waits} bytes wait");
        assert!(snapshot.record.bad_req_count() <= MAX_BAD_REQUESTS + 1);
    }
}
