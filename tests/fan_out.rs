//! A push to many takes as many turns as it needs: no receiver gets it twice or out of order, consecutive
//! messages of a member leave together, and other clients do not wait for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Client, Reply, UPGRADE, eventually, packet, with};
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Effects, Module, Outcome, Push, Reactor, Route,
    Router,
};

const ECHO: u16 = 2101;
/// Joins the room.
const JOIN: u16 = 2102;
/// Data → the same as a push to all members.
const SAY: u16 = 2103;
/// Data → the same as a push to the member that joined last.
const WHISPER: u16 = 2104;
const SAID: u16 = 2199;

const MEMBERS: usize = 300;

#[derive(Default)]
struct Game {
    members: Vec<ConnectionId>,
}

impl Application for Game {
    type Session = ();
}

static MODULE: Module<Game> = Module::new(
    21,
    "room",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(JOIN, "join", Access::Anyone, |game, _, context: &mut Context<'_>| {
            game.members.push(context.id());
            context.reply(b"")
        }),
        Route::new(SAY, "say", Access::Anyone, |game, request, context| {
            let push = Push::new(SAID, request.data());
            context.effects().broadcast(game.members.iter().copied(), &push);
            Outcome::Done
        }),
        Route::new(WHISPER, "whisper", Access::Anyone, |game, request, context| {
            let last = *game.members.last().unwrap();
            context.effects().send(last, &Push::new(SAID, request.data()));
            Outcome::Done
        }),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

/// A room whose reactor the test turns.
struct Room {
    reactor: Reactor<Game>,
    address: SocketAddr,
    members: Vec<Client>,
    /// Clients that have said something.
    senders: Vec<Client>,
}

impl Room {
    /// Turns are as short as possible: each step does its minimum.
    fn new(members: usize) -> Self {
        Room::with_turns_of(Duration::from_micros(100), members)
    }

    fn with_turns_of(turn_time: Duration, members: usize) -> Self {
        Room::with_config(
            &with(common::config(), |config| config.reactor.turn_time = Some(turn_time)),
            members,
        )
    }

    fn with_config(config: &Config, members: usize) -> Self {
        let reactor = Reactor::bind(config, &ROUTER, Game::default()).unwrap();
        let address = reactor.local_addr().unwrap();
        let mut room = Room { reactor, address, members: vec![], senders: vec![] };
        for _ in 0..members {
            let mut member = room.connect();
            member.send_packet(JOIN, 0, b"");
            room.turn_until_readable(&member);
            assert_eq!(member.reply(), Reply::new(JOIN, 0, b""));
            room.members.push(member);
        }
        room
    }

    fn connect(&mut self) -> Client {
        let mut client = Client::raw(self.address);
        client.send(UPGRADE);
        self.turn_until_readable(&client);
        client.read_upgraded();
        client
    }

    fn turn(&mut self) {
        self.reactor.turn(Some(Duration::ZERO)).unwrap();
    }

    fn turn_until_readable(&mut self, client: &Client) {
        eventually("bytes for a client", || {
            self.turn();
            waiting(client) > 0
        });
    }

    /// Members with waiting bytes.
    fn reached(&self) -> usize {
        self.members.iter().filter(|member| waiting(member) > 0).count()
    }

    fn turn_until_all_are_reached(&mut self) -> usize {
        let mut turns = 0;
        while self.reached() < self.members.len() {
            self.turn();
            turns += 1;
            assert!(turns < 10_000, "{} of {MEMBERS} were reached", self.reached());
        }
        turns
    }
}

/// Bytes that wait for a client, at most 64 KiB.
fn waiting(client: &Client) -> usize {
    client.stream.set_nonblocking(true).unwrap();
    let result = client.stream.peek(&mut [0; 64 * 1024]);
    client.stream.set_nonblocking(false).unwrap();
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        result => result.unwrap(),
    }
}

fn said(data: &[u8]) -> Reply {
    Reply::new(SAID, 0, data)
}

#[test]
fn a_push_to_many_takes_several_turns_and_reaches_each_once() {
    let mut room = Room::new(MEMBERS);
    let mut sender = room.connect();
    let mut neighbour = room.connect();
    sender.send_packet(SAY, 0, &[7; 20_000]);
    room.turn();
    let after_one = room.reached();
    assert!(after_one < MEMBERS, "all were reached in one turn");
    // Another client is served meanwhile, in the turn that reads its request.
    neighbour.send_packet(ECHO, 1, b"hello");
    room.turn();
    assert!(waiting(&neighbour) > 0 && room.reached() < MEMBERS);
    assert_eq!(neighbour.reply(), Reply::new(ECHO, 1, b"hello"));
    let turns = room.turn_until_all_are_reached();
    assert!(turns * 16 <= 2 * MEMBERS, "{turns} turns: each sends to 16 at least, and writes to as many");
    // A marker shows that nothing comes twice.
    for number in 0..MEMBERS {
        let mut member = room.members.swap_remove(0);
        assert_eq!(member.reply(), said(&[7; 20_000]), "member {number}");
        member.send_packet(ECHO, 2, b"marker");
        room.turn_until_readable(&member);
        assert_eq!(member.reply(), Reply::new(ECHO, 2, b"marker"));
    }
}

#[test]
fn pushes_keep_their_order() {
    let mut room = Room::new(MEMBERS);
    let mut sender = room.connect();
    let mut other = room.connect();
    for _ in 0..3 {
        sender.send_packet(SAY, 0, b"first");
        room.turn();
        assert!(room.reached() < MEMBERS);
        // A push by another client to a receiver that the fan-out has not reached, and that receiver's own
        // request.
        other.send_packet(WHISPER, 0, b"second");
        let last = room.members.last_mut().unwrap();
        last.send_packet(ECHO, 3, b"third");
        room.turn_until_all_are_reached();
        // The reply and the whisper have no order between them, since two clients asked for them.
        let last = room.members.last_mut().unwrap();
        assert_eq!(last.reply(), said(b"first"));
        let mut rest = [last.reply(), last.reply()];
        rest.sort_by_key(|reply| reply.cmd);
        assert_eq!(rest, [Reply::new(ECHO, 3, b"third"), said(b"second")]);
        let all_but_the_last = MEMBERS - 1;
        for member in &mut room.members[..all_but_the_last] {
            assert_eq!(member.reply(), said(b"first"));
        }
        assert_eq!(room.reached(), 0);
    }
}

/// Words that somebody says in a row.
const WORDS: u8 = 16;

/// A way to have the words said, by its name.
type Way = (&'static str, fn(&mut Room));

fn say(word: u8) -> impl FnOnce(&mut Game, &mut Effects) {
    move |game, effects| effects.broadcast(game.members.iter().copied(), &Push::new(SAID, &[word]))
}

#[test]
fn consecutive_pushes_leave_together_whoever_asks_for_them() {
    let ways: [Way; 3] = [
        ("requests of one client", |room| {
            let mut sender = room.connect();
            sender.send(&(0..WORDS).flat_map(|word| packet(SAY, 0, &[word])).collect::<Vec<_>>());
            room.senders.push(sender);
        }),
        ("a request of each of several clients", |room| {
            room.senders = (0..WORDS).map(|_| room.connect()).collect();
            for (word, sender) in (0..).zip(&mut room.senders) {
                sender.send_packet(SAY, 0, &[word]);
            }
        }),
        ("calls of another thread", |room| {
            let handle = room.reactor.handle();
            (0..WORDS).for_each(|word| handle.call(0, say(word)).unwrap());
        }),
    ];
    for (way, ask) in ways {
        // As much as one share of the turn allows.
        let mut room = Room::with_turns_of(Duration::from_secs(1), MEMBERS);
        ask(&mut room);
        // Two bytes of a frame's header, eleven of a packet's, and the word.
        let all = usize::from(WORDS) * (2 + 11 + 1);
        let mut turns = 0;
        while room.reached() < MEMBERS {
            room.turn();
            turns += 1;
            for (number, member) in room.members.iter().enumerate() {
                let bytes = waiting(member);
                assert!(bytes == 0 || bytes == all, "{way}: member {number} got {bytes} in turn {turns}");
            }
        }
        for member in &mut room.members {
            for word in 0..WORDS {
                assert_eq!(member.reply(), said(&[word]), "{way}");
            }
        }
    }
}

#[test]
fn a_turn_takes_as_many_pushes_of_a_client_as_leave_together() {
    const WORDS: usize = 100;
    let mut room = Room::with_turns_of(Duration::from_secs(1), MEMBERS);
    let mut sender = room.connect();
    sender.send(&packet(SAY, 0, b"!").repeat(WORDS));
    // They are requested in one turn, and leave in the next.
    room.turn();
    room.turn();
    // They include the receivers that the last slice of the sender's share has reached.
    let words = waiting(&room.members[0]) / (2 + 11 + 1);
    assert!((16..40).contains(&words), "{words} in one turn");
    for _ in 0..WORDS {
        room.turn();
    }
    for member in &mut room.members {
        (0..WORDS).for_each(|_| assert_eq!(member.reply(), said(b"!")));
    }
}

#[test]
fn senders_take_turns_and_wait_only_for_their_own_pushes() {
    let mut room = Room::new(MEMBERS);
    let mut loud = room.connect();
    let mut quiet = room.connect();
    loud.send_packet(SAY, 0, &[1; 20_000]);
    room.turn();
    quiet.send_packet(SAY, 0, &[2; 10]);
    // The sender's next message waits until all members have received the first.
    loud.send_packet(ECHO, 1, b"mine");
    while waiting(&loud) == 0 {
        room.turn();
    }
    assert_eq!(loud.reply(), Reply::new(ECHO, 1, b"mine"));
    // Each member's output is written in this order, and by now all of it waits.
    for _ in 0..MEMBERS {
        room.turn();
    }
    assert_eq!(room.reached(), MEMBERS);
    for member in &mut room.members {
        assert_eq!([member.reply(), member.reply()], [said(&[1; 20_000]), said(&[2; 10])]);
    }
}

#[test]
fn a_client_that_reads_is_not_closed_for_the_pushes_of_several_others() {
    const SENDERS: u8 = 5;
    const LEN: usize = 15_000;
    // Less than their messages together.
    let config = with(common::config(), |config| {
        config.reactor.turn_time = Some(Duration::from_micros(100));
        config.limits.max_len = 32 * 1024;
        config.output.outbox_limit = Some(64 * 1024);
    });
    let mut room = Room::with_config(&config, MEMBERS);
    let mut senders: Vec<_> = (0..SENDERS).map(|_| room.connect()).collect();
    for (number, sender) in (0..SENDERS).zip(&mut senders) {
        sender.send_packet(SAY, 0, &[number; LEN]);
    }
    // By then all of it waits for each.
    for _ in 0..MEMBERS {
        room.turn();
    }
    for member in &mut room.members {
        let mut heard: Vec<_> = (0..SENDERS).map(|_| member.reply()).collect();
        heard.sort_by(|a, b| a.data.cmp(&b.data));
        assert!(heard.iter().zip(0..).all(|(reply, number)| *reply == said(&[number; LEN])));
    }
}

#[test]
fn receivers_that_leave_change_nothing_for_others() {
    let mut room = Room::new(MEMBERS);
    let mut sender = room.connect();
    sender.send_packet(SAY, 0, b"goodbye");
    room.turn();
    assert!(room.reached() < MEMBERS);
    // The sender, and every third of the members.
    drop(sender);
    let mut number = 0;
    room.members.retain(|_| {
        number += 1;
        number % 3 != 0
    });
    // A new client in the slot of one that has left is not among the receivers.
    let mut new = room.connect();
    room.turn_until_all_are_reached();
    for member in &mut room.members {
        assert_eq!(member.reply(), said(b"goodbye"));
    }
    new.send_packet(ECHO, 1, b"who");
    room.turn_until_readable(&new);
    assert_eq!(new.reply(), Reply::new(ECHO, 1, b"who"));
    let mut rest = vec![];
    room.members[0].stream.set_nonblocking(true).unwrap();
    let error = room.members[0].stream.read_to_end(&mut rest).unwrap_err();
    assert_eq!((error.kind(), rest.len()), (ErrorKind::WouldBlock, 0));
}

#[test]
fn a_new_connection_in_a_reused_slot_is_no_receiver() {
    let mut room = Room::new(MEMBERS);
    // The game does not know that they have left.
    room.members.truncate(MEMBERS - 5);
    for _ in 0..100 {
        room.turn();
    }
    let mut new: Vec<_> = (0..5).map(|_| room.connect()).collect();
    let mut sender = room.connect();
    sender.send_packet(SAY, 0, b"hello");
    room.turn_until_all_are_reached();
    for (client, number) in new.iter_mut().zip(0..) {
        client.send_packet(ECHO, number, b"me");
        room.turn_until_readable(client);
        assert_eq!(client.reply(), Reply::new(ECHO, number, b"me"));
    }
}

#[test]
fn while_mail_waits_clients_are_accepted_one_at_a_time() {
    let mut room = Room::new(MEMBERS);
    let handle = room.reactor.handle();
    // More broadcasts than may be unfinished, and a mail behind them.
    let broadcast = |game: &mut Game, effects: &mut Effects| {
        let push = Push::new(SAID, b"hello");
        (0..300).for_each(|_| effects.broadcast(game.members.iter().copied(), &push));
    };
    handle.call(0, broadcast).unwrap();
    let (tell, told) = channel();
    handle.survey(move |_| tell.send(()).unwrap()).unwrap();
    let _clients: Vec<_> = (0..16).map(|_| Client::raw(room.address)).collect();
    let mut accepted = vec![];
    while told.try_recv().is_err() {
        let before = room.reactor.connections();
        room.turn();
        accepted.push(room.reactor.connections() - before);
    }
    // Mail is delivered before clients are accepted.
    accepted.pop();
    assert!(accepted.len() >= 2 && accepted.iter().all(|count| *count <= 1), "{accepted:?}");
}
