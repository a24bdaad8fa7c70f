//! Turns with the requests of many clients: the first replies leave before the last requests are read, and
//! nothing that would leave together is divided.

use std::time::Duration;

use sysconn::sim::{Activity, Client, Network};
use sysconn::{Application, Config, ConnectionId, Context, Outcome, Push, Reactor, Request, Service};

use crate::common::packet;
use crate::connect;

const CLIENTS: usize = 100;
const JOIN: u16 = 1401;
const ECHO: u16 = 1402;
/// Data → the same as a push to the client that was served before.
const WHISPER: u16 = 1403;

struct Room {
    network: Network,
    members: Vec<ConnectionId>,
    served: Option<ConnectionId>,
    /// What the turn had read and written at each call.
    calls: Vec<Activity>,
    turn: Activity,
}

impl Application for Room {
    type Session = ();
}

impl Room {
    fn note_call(&mut self) {
        let more = self.network.take_activity();
        self.turn.reads += more.reads;
        self.turn.writes += more.writes;
        self.calls.push(self.turn);
    }
}

fn run(room: &mut Room, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    room.note_call();
    match request.cmd() {
        JOIN => room.members.push(context.id()),
        WHISPER => {
            let before = room.served.replace(context.id());
            let push = Push::new(WHISPER, request.data());
            before.into_iter().for_each(|before| context.effects().send(before, &push));
        }
        _ => {}
    }
    context.reply(request.data())
}

/// One turn in which every client sends this. Returns the reads and writes before each call, and all writes.
fn turn(reactor: &mut Reactor<Room>, clients: &mut [Client], cmd: u16) -> (Vec<(u64, u64)>, u64) {
    clients.iter_mut().for_each(|client| _ = client.send(&packet(cmd, 1, b"word")));
    reactor.act(|room, _| {
        room.network.take_activity();
        (room.calls, room.turn, room.served) = (vec![], Activity::default(), None);
    });
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let room = reactor.state();
    let writes = room.turn.writes + room.network.take_activity().writes;
    (room.calls.iter().map(|call| (call.reads, call.writes)).collect(), writes)
}

#[test]
fn first_replies_leave_before_the_last_requests_are_read_unless_pushes_may_follow() {
    let network = Network::new(1);
    let room = Room {
        network: network.clone(),
        members: vec![],
        served: None,
        calls: vec![],
        turn: Activity::default(),
    };
    let mut reactor = Reactor::simulated(&Config::default(), Service::Any(run), room, &network).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(&network)).collect();
    clients.iter_mut().for_each(|client| _ = client.send(&packet(JOIN, 1, b"")));
    while reactor.state().members.len() < CLIENTS {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let all = CLIENTS as u64;
    let (calls, writes) = turn(&mut reactor, &mut clients, ECHO);
    // Reads come in groups, and before each but the first the group before has been written.
    let (first, last) = (calls[0].0, all / calls[0].0 * calls[0].0);
    let expected: Vec<_> = (0..all)
        .map(|call| call / first * first)
        .map(|written| (if written == last { all } else { written + first }, written))
        .collect();
    assert_eq!((calls, writes), (expected, all));
    assert!(first > 1 && first <= all / 4, "groups of {first}");
    // Pushes wait until the end of the turn, and leave with the reply: one write for each.
    let (calls, writes) = turn(&mut reactor, &mut clients, WHISPER);
    assert_eq!((calls.len(), writes), (CLIENTS, all));
    assert!(calls.iter().all(|&(_, written)| written == 0));
}
