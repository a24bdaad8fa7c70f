//! One play: the steps that a script can have, what is looked at after each turn, and how it all ends.

use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::config::Overflow;
use sysconn::frame::Opcode;
use sysconn::packet::DataStatus;
use sysconn::sim::{Line, Network};
use sysconn::{Cause, Config, Peer, Reactor, Turn};

use crate::game::{self, COMMANDS, Game, PUSHED_FROM_OUTSIDE, ROUTER, SINK};
use crate::player::Player;

/// Steps of one script.
const MAX_STEPS: usize = 300;
/// Clients that are there at one time; a step names one by two bits.
const PLAYERS: usize = 4;
/// Turns within which whatever is due has been done, once nothing more happens.
const PATIENCE: usize = 3000;
/// The time between two turns towards the end.
const STEP: Duration = Duration::from_millis(50);
/// Turns in which nothing happens, after which nothing will.
const QUIET_TURNS: usize = 3;
const UPGRADES: [&str; 4] = [
    "",
    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=9\r\n",
    "Host: twice\r\n",
];

pub(crate) struct Play {
    network: Network,
    reactor: Reactor<Game>,
    players: [Option<Player>; PLAYERS],
    /// Those who have left, with their ports.
    gone: Vec<(usize, Player)>,
    ports: [usize; PLAYERS],
    next_port: u16,
    drops: bool,
    limits_rate: bool,
}

/// What is left of a script.
struct Script<'s>(&'s [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn bytes(&mut self, count: usize) -> &[u8] {
        self.0.split_off(..count.min(self.0.len())).unwrap_or_default()
    }
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
                (0..=turns % 8).for_each(|_| self.turn(Duration::from_millis(ms.into())));
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
    fn leave(&mut self, who: usize) {
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

    /// All clients act, and then the reactor has its turn.
    fn turn(&mut self, at_most: Duration) {
        for player in self.players.iter_mut().flatten() {
            player.act();
        }
        let turn = self.reactor.turn(Some(at_most)).expect("a turn");
        assert_eq!(turn, Turn::Running);
        self.check_turn();
    }

    fn check_turn(&mut self) {
        let (activity, ledger) = (self.network.take_activity(), self.network.ledger());
        assert!(activity.accepts <= 64, "{activity:?}");
        assert!(activity.most_read_bytes <= 1 << 20, "{activity:?}");
        assert_eq!((ledger.closed_twice, ledger.unasked_reads, ledger.unasked_writes), (0, 0, 0));
        assert!(ledger.accepted <= ledger.connected);
    }

    /// All that is owed is answered, and all that was said is heard.
    fn settle(&mut self) {
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
            self.turn(Duration::from_millis(1));
            let is_quiet = !self.network.has_events() && self.reactor.state().owed.is_empty();
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
        if is_open && !may_miss && player.line == Line::Open {
            assert!(player.has_sent_all(), "what is said is not read");
            assert_eq!(player.client.unread(), 0, "what is sent is not read");
            // What needs no answer can have a refusal.
            assert!(player.answered_flag >= player.owed_flag, "a reply is missing");
        }
    }

    /// Ends the play by the clients' leaving, and compares the accounts.
    pub(crate) fn end(mut self) {
        self.settle();
        (0..PLAYERS).for_each(|who| self.leave(who));
        self.reactor.state_mut().owed.clear();
        for _ in 0..PATIENCE {
            if self.reactor.connections() == 0 {
                break;
            }
            self.network.advance(STEP);
            self.turn(STEP);
        }
        assert_eq!(self.reactor.connections(), 0, "a connection does not end");
        let (tell, told) = channel();
        let asked = self.reactor.handle().survey(move |survey| {
            let _ = tell.send(survey.totals());
        });
        assert_eq!(asked, Ok(()));
        self.turn(Duration::ZERO);
        let totals = told.try_recv().expect("a survey");
        assert_eq!(totals.accepted, totals.closed);
        let records = || self.reactor.state().seats.iter().filter_map(|seat| seat.closed.as_ref());
        let sum = |of: fn(&sysconn::Record) -> u64| records().map(|(record, _)| of(record)).sum::<u64>();
        assert_eq!(totals.packets_received, sum(sysconn::Record::recv_count));
        assert_eq!(totals.packets_sent, sum(sysconn::Record::send_count));
        assert_eq!(totals.send_errors, sum(sysconn::Record::error_send));
        assert_eq!(totals.bad_requests, sum(|record| record.bad_req_count().into()));
        self.close_the_books();
    }

    /// Ends it by draining.
    pub(crate) fn drain(mut self) {
        self.reactor.handle().drain();
        for _ in 0..PATIENCE {
            for player in self.players.iter_mut().flatten() {
                player.act();
            }
            // A turn in which there is something to do takes no time here.
            self.network.advance(STEP);
            if self.reactor.turn(Some(STEP)).expect("a turn") == Turn::Drained {
                break;
            }
            self.check_turn();
        }
        assert_eq!(self.reactor.connections(), 0, "draining does not end");
        for player in self.players.iter_mut().flatten() {
            player.act();
        }
        (0..PLAYERS).for_each(|who| self.leave(who));
        self.close_the_books();
    }

    fn close_the_books(mut self) {
        let game = std::mem::take(self.reactor.state_mut());
        drop(self.reactor);
        let ledger = self.network.ledger();
        assert_eq!((ledger.open(), ledger.closed_twice), (0, 0), "descriptors");
        for (port, player) in &self.gone {
            let Some(seat) = game.seats.get(*port) else {
                assert!(player.replies.is_empty(), "replies to nobody");
                continue;
            };
            check_replies(player, seat, self.drops);
            if seat.opened == 0 {
                continue;
            }
            let (record, cause) = seat.closed.as_ref().expect("what is opened is closed");
            let refused = u64::from(record.bad_req_count());
            // At most one packet is neither handled nor refused: it closes the connection.
            let beside =
                record.recv_count().checked_sub(seat.calls + refused).expect("a call without a packet");
            assert!(beside <= 1 || self.limits_rate, "{beside} packets are lost");
            assert!(record.send_count() >= seat.taken.max(player.packets), "packets that were not sent");
            if let Some(code) = player.close {
                let expected = cause.close_code().map_or(0, |code| code.get());
                assert!(code == expected, "a Close {code} where the cause is {cause:?}");
            }
            assert!(*cause != Cause::Dropped, "a connection that outlived its reactor");
        }
    }
}

/// What has come is the beginning of what was sent, or a part of it in the same order where a full outbox drops.
fn check_replies(player: &Player, seat: &game::Seat, drops: bool) {
    if drops {
        let mut sent = seat.replies.iter();
        assert!(player.replies.iter().all(|reply| sent.any(|one| one == reply)), "a reply that was not sent");
    } else {
        assert!(seat.replies.starts_with(&player.replies), "{:?} of {:?}", player.replies, seat.replies);
    }
}

/// What a client says and does.
fn speak(player: &mut Player, kind: u8, script: &mut Script<'_>) {
    match kind {
        8..=15 => {
            let (cmd, len) = (COMMANDS[usize::from(script.byte()) % COMMANDS.len()], script.byte());
            let len = usize::from(len) * if kind == 15 { 17 } else { 1 };
            let data: Vec<u8> = (0..len).map(|index| index as u8 ^ kind).collect();
            let data = if cmd == game::BURST { &data[..len.min(40)] } else { &data };
            let is_owed = cmd != SINK && !(cmd == game::BURST && data.is_empty());
            let fragments = [1, 1, 1, 1, 2, 3, 9, 1][usize::from(kind - 8)];
            player.say_packet(cmd, DataStatus::Raw, data, fragments, is_owed);
        }
        16 => player.say_frame(Opcode::Ping, b"ping"),
        17 => player.say_frame(Opcode::Pong, b""),
        18 => {
            let code = [1000_u16, 1001, 3000, 4999, 1005, 0, 1009, 1007][usize::from(script.byte()) & 7];
            player.say_frame(Opcode::Close, &code.to_be_bytes());
            player.is_done = true;
        }
        19 => {
            player.client.finish();
            player.is_done = true;
        }
        20 => {
            player.client.reset();
            player.is_done = true;
        }
        21 => player.is_deaf = !player.is_deaf,
        22 => player.client.set_window(usize::from(script.byte()) << 4),
        23 => player.piece = usize::from(script.byte()).max(1),
        24 => player.client.send_urgent(),
        25..=27 => {
            let count = script.byte();
            player.say(script.bytes(count.into()));
            player.is_wild = true;
        }
        28 => {
            let opcode = [Opcode::Text, Opcode::Continuation, Opcode::Close, Opcode::Binary]
                [usize::from(script.byte()) & 3];
            let count = script.byte();
            player.say_frame(opcode, script.bytes(count.into()));
            player.is_wild = true;
        }
        29 => {
            let [cmd, status, count] = [script.byte(), script.byte(), script.byte()];
            let cmd = COMMANDS[usize::from(cmd) % COMMANDS.len()];
            let status = DataStatus::from_byte(status % 3).unwrap_or(DataStatus::Raw);
            player.say_packet(cmd, status, script.bytes(count.into()), 1, false);
            player.is_wild = true;
        }
        _ => player.act(),
    }
}
