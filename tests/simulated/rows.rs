//! Pushes in a row: whoever asks for them, each receiver that says nothing gets all with one write.

use std::time::Duration;

use sysconn::sim::{Client, Network};
use sysconn::{Application, Config, ConnectionId, Context, Outcome, Push, Reactor, Request, Service, Topic};

use crate::common::packet;
use crate::population::packets;
use crate::{STEP, connect};

const JOIN: u16 = 1401;
/// Data → empty; the members get the same as a push.
const PUBLISH: u16 = 1402;
/// The same, to a list of all members.
const BROADCAST: u16 = 1403;
const PUSHED: u16 = 1499;

/// Words that are said in a row.
const WORDS: u8 = 16;

#[derive(Default)]
struct Room {
    members: Vec<ConnectionId>,
}

impl Application for Room {
    type Session = ();
}

fn run(room: &mut Room, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    match request.cmd() {
        JOIN => {
            room.members.push(context.id());
            context.subscribe(&topic()).unwrap();
        }
        PUBLISH => context.effects().publish(&topic(), &word(request.data())).unwrap(),
        _ => context.effects().broadcast(room.members.iter().copied(), &word(request.data())),
    }
    context.reply(b"")
}

fn topic() -> Topic {
    Topic::from(1)
}

fn word(data: &[u8]) -> Push {
    Push::new(PUSHED, data)
}

/// A server with members, on a network that counts its writes.
struct Rig {
    network: Network,
    reactor: Reactor<Room>,
    members: Vec<Client>,
}

impl Rig {
    fn new(members: usize) -> Rig {
        let network = Network::new(1);
        let mut reactor =
            Reactor::simulated(&Config::default(), Service::Any(run), Room::default(), &network).unwrap();
        let mut clients: Vec<_> = (0..members).map(|_| connect(&network)).collect();
        clients.iter_mut().for_each(|client| _ = client.send(&packet(JOIN, 1, b"")));
        while reactor.state().members.len() < members {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        let mut rig = Rig { network, reactor, members: clients };
        rig.writes();
        rig.members.iter_mut().for_each(|client| _ = client.receive(&mut vec![]));
        rig
    }

    /// Turns until nothing is left to do. Returns the number of writes.
    fn writes(&mut self) -> u64 {
        self.network.take_activity();
        (0..10).for_each(|_| _ = self.reactor.turn(Some(STEP)).unwrap());
        self.network.take_activity().writes
    }
}

/// The words of the pushes that a client has received, in their order.
fn words(client: &mut Client) -> Vec<u8> {
    let mut bytes = vec![];
    client.receive(&mut bytes);
    packets(&bytes)
        .iter()
        .filter(|packet| packet.cmd == PUSHED)
        .flat_map(|packet| packet.data.to_vec())
        .collect()
}

/// A way to have the words said, by its name; who says them gets each with the reply before it.
struct Way {
    name: &'static str,
    say: fn(&mut Rig),
    /// Members who say something. Each may get what was said before its own, and after, with writes of their
    /// own.
    speakers: u64,
}

fn say_all(rig: &mut Rig, cmd: u16) {
    let said: Vec<_> = (0..WORDS).flat_map(|word| packet(cmd, 1, &[word])).collect();
    assert_eq!(rig.members[0].send(&said), said.len());
}

fn say_one_each(rig: &mut Rig, cmd: u16) {
    for (word, member) in (0..WORDS).zip(&mut rig.members) {
        member.send(&packet(cmd, 1, &[word]));
    }
}

const WAYS: [Way; 7] = [
    Way { name: "one member publishes", say: |rig| say_all(rig, PUBLISH), speakers: 0 },
    Way { name: "one member sends to a list", say: |rig| say_all(rig, BROADCAST), speakers: 0 },
    Way {
        name: "some members publish one each",
        say: |rig| say_one_each(rig, PUBLISH),
        speakers: WORDS as u64,
    },
    Way {
        name: "some members send one each to a list",
        say: |rig| say_one_each(rig, BROADCAST),
        speakers: WORDS as u64,
    },
    Way {
        name: "another thread publishes",
        say: |rig| {
            let handle = rig.reactor.handle();
            (0..WORDS).for_each(|said| handle.publish(&topic(), &word(&[said])).unwrap());
        },
        speakers: 0,
    },
    Way {
        name: "another thread sends to each",
        say: |rig| {
            let (handle, members) = (rig.reactor.handle(), rig.reactor.state().members.clone());
            for said in 0..WORDS {
                members.iter().for_each(|&member| handle.send(member, &word(&[said])).unwrap());
            }
        },
        speakers: 0,
    },
    Way {
        name: "the application publishes by itself",
        say: |rig| {
            rig.reactor.act(|_, effects| {
                (0..WORDS).for_each(|said| effects.publish(&topic(), &word(&[said])).unwrap());
            });
        },
        speakers: 0,
    },
];

#[test]
fn pushes_in_a_row_leave_with_one_write_to_each_receiver() {
    // Pushes to a few are sent at once, those to many when there is time.
    for members in [20, 200] {
        for Way { name, say, speakers } in WAYS {
            let mut rig = Rig::new(members);
            say(&mut rig);
            let (least, writes) = (members as u64, rig.writes());
            assert!(
                (least..=least + 2 * speakers).contains(&writes),
                "{name}: {writes} to {members} members"
            );
            for (number, member) in rig.members.iter_mut().enumerate() {
                let mut words = words(member);
                if speakers > 0 {
                    // What several say has no order.
                    words.sort_unstable();
                }
                assert!(words.into_iter().eq(0..WORDS), "{name}: member {number} of {members}");
            }
        }
    }
}

#[test]
fn pushes_to_few_and_to_many_leave_with_one_write_and_in_order() {
    for expected in [&[0, 1][..], &[0, 1, 2]] {
        let mut rig = Rig::new(200);
        rig.reactor.act(|room, effects| {
            for &said in expected {
                match said {
                    1 => effects.publish(&topic(), &word(&[said])).unwrap(),
                    _ => effects.broadcast(room.members[..10].iter().copied(), &word(&[said])),
                }
            }
        });
        assert_eq!(rig.writes(), 200, "{expected:?}");
        let (few, others): (Vec<_>, Vec<_>) =
            rig.members.iter_mut().map(words).partition(|words| words == expected);
        assert!(few.len() == 10 && others.iter().all(|words| words == &[1]), "{expected:?}");
    }
}
