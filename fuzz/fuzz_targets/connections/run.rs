//! One run: the steps of a script, and the checks after each turn.

use std::time::Duration;

use sysconn::config::{MAX_BAD_REQUESTS, Overflow};
use sysconn::sim::{Activity, Network, StreamState};
use sysconn::{Config, Peer, Reactor, Survey, Turn};

use crate::client::FuzzClient;
use crate::game::{Game, PUSHED_FROM_OUTSIDE, ROUTER};
use crate::script::{Script, act_by_script};

/// The most steps of one script.
const MAX_STEPS: usize = 300;
/// Clients at one time. A step chooses one by two bits.
pub(crate) const CLIENTS: usize = 4;
/// Turns within which all pending work is done once nothing more happens.
pub(crate) const PATIENCE: usize = 3000;
/// The limit of an outbox.
pub(crate) const OUTBOX_LIMIT: usize = 8192;
/// What an outbox may hold beyond its limit: Pongs and one Close.
const MAX_PONG_BYTES: usize = 64 * 1024 + 125;
/// The time between two turns at the end of a run.
pub(crate) const STEP: Duration = Duration::from_millis(50);
/// Turns in a row without any event after which nothing more happens.
const QUIET_TURNS: usize = 3;
const UPGRADES: [&str; 4] = [
    "",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=9\r\n",
    "Host: twice\r\n",
];

pub(crate) struct Run {
    pub(crate) network: Network,
    pub(crate) reactor: Reactor<Game>,
    pub(crate) clients: [Option<FuzzClient>; CLIENTS],
    /// Clients that have left, with their ports.
    pub(crate) gone: Vec<(usize, FuzzClient)>,
    ports: [usize; CLIENTS],
    next_port: u16,
    pub(crate) drops: bool,
    pub(crate) limits_rate: bool,
}

impl Run {
    pub(crate) fn new(config: &Config, network: &Network) -> Self {
        let reactor =
            Reactor::simulated(config, &ROUTER, Game::default(), network).expect("a valid configuration");
        Run {
            network: network.clone(),
            reactor,
            clients: [const { None }; CLIENTS],
            gone: vec![],
            ports: [0; CLIENTS],
            next_port: 0,
            drops: config.output.overflow == Overflow::Drop,
            limits_rate: config.limits.max_packets_per_second.is_some(),
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

    /// One step: what happens (the lowest five bits) and to which client (the highest two). The bytes that
    /// follow are its parameters.
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
                self.reactor.act(|game, _| game.answer(index.into(), how));
            }
            5 => self.use_handles(who, script.byte()),
            6 => {
                if let Some(link) = self.reactor.act(|game, _| game.links.pop()) {
                    link.end();
                }
            }
            7 => self.leave(who),
            30 => drop(self.reactor.handle().survey(audit)),
            _ => {
                if let Some(client) = &mut self.clients[who] {
                    act_by_script(client, kind, script);
                }
            }
        }
    }

    fn connect(&mut self, who: usize, how: u8) {
        self.leave(who);
        self.next_port += 1;
        let ip = [10, 0, 0, how & 1].into();
        let Ok(client) = self.network.connect(Peer::Ip(ip, self.next_port)) else { return };
        let mut client = FuzzClient::new(client);
        let extra = UPGRADES[usize::from(how >> 1 & 3)];
        if how & 0x80 == 0 {
            client.queue(
                format!(
                    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
                )
                .as_bytes(),
            );
        }
        self.ports[who] = self.next_port.into();
        self.clients[who] = Some(client);
    }

    /// A client's process ends.
    pub(crate) fn leave(&mut self, who: usize) {
        if let Some(mut client) = self.clients[who].take() {
            client.act();
            client.is_done = true;
            client.stream.finish();
            client.stream.reset();
            self.gone.push((self.ports[who], client));
        }
    }

    /// Uses a client's handle or the server's, outside of handlers.
    fn use_handles(&mut self, who: usize, what: u8) {
        let port = self.ports[who];
        let server = self.reactor.handle();
        let target = self.reactor.act(|game, _| {
            let id = game.account(port).id?;
            Some((id, game.push_for(id, PUSHED_FROM_OUTSIDE), game.account(port).handle.clone()))
        });
        let Some((id, push, handle)) = target else { return };
        // These may fail, since the connection may be gone.
        match (handle, what % 6) {
            (Some(handle), 0) => drop(handle.send(&push)),
            (Some(handle), 1) => drop(handle.kick()),
            (Some(handle), 2) => drop(handle.set_debug(what & 0x80 != 0)),
            (_, 3) => drop(server.kick(id)),
            _ => drop(server.send(id, &push)),
        }
    }

    /// Lets all clients act, and then the reactor turn. Returns what it did.
    pub(crate) fn turn(&mut self, at_most: Duration) -> Activity {
        for client in self.clients.iter_mut().flatten() {
            client.act();
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

    /// Answers all deferred requests, and lets all that is queued arrive. With buffers of a byte that may
    /// take more turns than these; then nothing is checked.
    pub(crate) fn complete_work(&mut self) {
        self.network.set_faults(sysconn::sim::Faults::NONE);
        for client in self.clients.iter_mut().flatten() {
            client.piece = usize::MAX;
            client.is_deaf = false;
            client.stream.set_window(1 << 20);
        }
        let mut quiet_turns = 0;
        for _ in 0..PATIENCE {
            while !self.reactor.state().owed.is_empty() {
                self.reactor.act(|game, _| game.answer(0, 0));
            }
            // A reactor with work left does not wait: a connection that uses up its share needs further
            // turns.
            let has_waited = self.turn(Duration::from_millis(1)).timeout != Some(Duration::ZERO);
            let is_quiet = has_waited && !self.network.has_events() && self.reactor.state().owed.is_empty();
            quiet_turns = if is_quiet { quiet_turns + 1 } else { 0 };
            // Clients receive in one turn what the turn before has sent.
            if quiet_turns == QUIET_TURNS {
                // First they receive a last Ping, then they answer it.
                for client in self.clients.iter_mut().flatten() {
                    client.act();
                    client.act();
                }
                let clients = self.clients.iter().zip(self.ports);
                clients.for_each(|(client, port)| self.check_answered(client.as_ref(), port));
                return;
            }
        }
    }

    /// Checks that a client that has kept the rules, and is still connected, has its last answer.
    fn check_answered(&self, client: Option<&FuzzClient>, port: usize) {
        let Some(client) = client else { return };
        let account = self.reactor.state().accounts.get(port);
        let is_open = account.is_some_and(|account| account.opened == 1 && account.closed.is_none());
        let may_miss = client.breaks_rules || client.is_done || client.close.is_some() || self.drops;
        if is_open && !may_miss && client.state == StreamState::Open {
            assert!(client.has_sent_all(), "the server does not read what is queued");
            assert_eq!(client.stream.unread(), 0, "the server does not read what was sent");
            // A request that need not be answered may be refused, so this can be greater.
            assert!(client.answered_flag >= client.owed_flag, "a reply is missing");
        }
    }
}

/// Checks what holds for the connections at any time. Its panics are outside of handlers, so they are not
/// caught.
fn audit(survey: &Survey<'_>) {
    let totals = survey.totals();
    assert_eq!(totals.accepted, totals.closed + survey.len() as u64);
    for snapshot in survey.page(0, usize::MAX) {
        let waits = snapshot.outbox_bytes;
        assert!(waits <= OUTBOX_LIMIT + MAX_PONG_BYTES, "{waits} bytes wait");
        assert!(snapshot.record.bad_req_count() <= MAX_BAD_REQUESTS + 1);
    }
}
