//! Rooms whose members are on several workers of the real program: counts are exact, and all members receive
//! the same messages in the same order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "made by a program, for whoever uses all of it")]
#[path = "../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

use std::collections::{BTreeMap, HashSet};
use std::sync::Barrier;
use std::thread;

use common::{Client, Program, Reply, eventually};
use messages::*;
use prost::Message;

const WORKERS: u64 = 3;
const MEMBERS: u64 = 12;
/// Rooms enough that each worker is home to some.
const ROOMS: u64 = 12;
/// The messages of each member in each room.
const WORDS: u64 = 5;

/// Logged in with a role.
fn enter(program: &Program, role_id: u64, kind: Kind) -> Client {
    let mut client = Client::connect(program.address());
    let login =
        account::Login { account: "account".into(), role_id, kind: kind.into(), ..account::Login::default() };
    assert_eq!(ask(&mut client, 1002, &login).error_id, 0);
    client
}

/// Sends a request and reads its answer, which must come next.
fn ask(client: &mut Client, cmd: u16, message: &impl Message) -> Reply {
    client.send_packet(cmd, 1, &message.encode_to_vec());
    let reply = client.reply();
    assert_eq!((reply.cmd, reply.flag), (cmd, 1));
    reply
}

fn join(client: &mut Client, room: u64) -> u32 {
    let reply = ask(client, 1201, &room::Join { room: room.to_string() });
    room::Joined::decode(reply.data.as_slice()).unwrap().members
}

fn leave(client: &mut Client, room: u64) -> u32 {
    let reply = ask(client, 1202, &room::Leave { room: room.to_string() });
    room::Left::decode(reply.data.as_slice()).unwrap().members
}

/// Sends messages to all rooms, and receives those of all members: for each room the sender and text, in
/// order.
fn talk(client: &mut Client) -> BTreeMap<String, Vec<(u64, String)>> {
    for word in 0..WORDS {
        for room in 0..ROOMS {
            let say = room::Say { room: room.to_string(), text: word.to_string() };
            client.send_packet(1203, 1, &say.encode_to_vec());
        }
    }
    let mut heard = BTreeMap::<_, Vec<_>>::new();
    let (mut done, mut pushes) = (0, 0);
    while done < WORDS * ROOMS || pushes < MEMBERS * WORDS * ROOMS {
        let reply = client.reply();
        assert_eq!(reply.error_id, 0);
        if reply.cmd == 1203 {
            done += 1;
        } else {
            pushes += 1;
            let room::Said { room, role_id, text } = Message::decode(reply.data.as_slice()).unwrap();
            heard.entry(room).or_default().push((role_id, text));
        }
    }
    client.echo(b"nothing else");
    heard
}

#[test]
fn a_client_that_leaves_while_joining_is_in_no_room() {
    let workers = WORKERS.to_string();
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--workers", &workers]);
    let mut watch = enter(&program, 1000, Kind::Monitor);
    for round in 0..20 {
        let clients: Vec<Client> = (1..=10)
            .map(|role_id| {
                let mut client = enter(&program, role_id, Kind::GameServer);
                let requests = (0..ROOMS).map(|room| room::Join { room: room.to_string() }.encode_to_vec());
                let requests: Vec<u8> = requests.flat_map(|data| common::packet(1201, 1, &data)).collect();
                client.send(&requests);
                client
            })
            .collect();
        // Some of them end while their requests are with the rooms' homes.
        clients.into_iter().for_each(Client::reset);
        eventually("all are gone", || {
            let page = ask(&mut watch, 9002, &monitor::Connections::default());
            monitor::ConnectionPage::decode(page.data.as_slice()).unwrap().total == 1
        });
        for room in 0..ROOMS {
            assert_eq!(join(&mut watch, room), 1, "room {room} in round {round}");
            leave(&mut watch, room);
        }
    }
}

#[test]
fn members_on_several_workers_are_counted_and_receive_the_same() {
    let workers = WORKERS.to_string();
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--workers", &workers]);
    let mut watch = enter(&program, 1000, Kind::Monitor);
    let mut clients: Vec<Client> =
        (1..=MEMBERS).map(|role_id| enter(&program, role_id, Kind::GameServer)).collect();
    let page = ask(&mut watch, 9002, &monitor::Connections::default());
    let page = monitor::ConnectionPage::decode(page.data.as_slice()).unwrap();
    let on: HashSet<u64> = page.connection.iter().map(|connection| connection.id << 32 >> 56).collect();
    assert!(on.len() > 1, "all came to one worker: {on:?}");
    assert!(page.connection.is_sorted_by_key(|connection| connection.id << 32), "by worker, then by slot");

    // All join all rooms at once: each count comes once, and each say reaches all in one order.
    let barrier = Barrier::new(clients.len());
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    barrier.wait();
                    let counts: Vec<u32> = (0..ROOMS).map(|room| join(client, room)).collect();
                    barrier.wait();
                    (counts, talk(client))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for room in 0..ROOMS as usize {
        let counts: HashSet<u32> = results.iter().map(|(counts, _)| counts[room]).collect();
        assert_eq!(counts, (1..=MEMBERS as u32).collect(), "room {room}");
    }
    let (_, first) = &results[0];
    for (_, heard) in &results {
        assert!(heard == first, "they heard it in another order");
    }
    for (room, said) in first {
        for role_id in 1..=MEMBERS {
            let words: Vec<_> = said.iter().filter(|(by, _)| *by == role_id).map(|(_, word)| word).collect();
            assert!(words.is_sorted() && words.len() == WORDS as usize, "{role_id} in {room}: {words:?}");
        }
    }

    // Each way to leave is counted once: the request, the logout, another role, the newer login, the end.
    let count = |watch: &mut Client, room| {
        let members = join(watch, room) - 1;
        leave(watch, room);
        u64::from(members)
    };
    for room in 0..ROOMS {
        assert_eq!(leave(&mut clients[0], room), MEMBERS as u32 - 1);
        assert_eq!(leave(&mut clients[0], room), MEMBERS as u32 - 1, "again");
    }
    assert_eq!(ask(&mut clients[1], 1003, &()).error_id, 0);
    let login = account::Login { account: "account".into(), role_id: 2000, ..account::Login::default() };
    assert_eq!(ask(&mut clients[2], 1002, &login).error_id, 0);
    for room in 0..ROOMS {
        assert_eq!(count(&mut watch, room), MEMBERS - 3, "room {room}");
    }
    let newer: Vec<Client> = (4..=6).map(|role_id| enter(&program, role_id, Kind::GameServer)).collect();
    for older in &mut clients[3..6] {
        older.expect_close(4007, "a newer login");
    }
    for room in 0..ROOMS {
        eventually("who was replaced has left", || count(&mut watch, room) == MEMBERS - 6);
    }
    drop((clients, newer));
    for room in 0..ROOMS {
        eventually("who has ended has left", || count(&mut watch, room) == 0);
    }
}
