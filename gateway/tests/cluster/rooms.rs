//! Rooms span the nodes of a cluster.

use super::client::{enter, game, said};
use super::common::{Client, Reply, eventually};
use super::messages::room;
use super::nodes::Nodes;

fn say(client: &mut Client, room: &str, text: &str) {
    client.send_packet(
        1203,
        5,
        &prost::Message::encode_to_vec(&room::Say { room: room.into(), text: text.into() }),
    );
}

/// What a client is sent: pushes, without replies.
fn pushes(client: &mut Client, count: usize) -> Vec<room::Said> {
    let mut found = vec![];
    while found.len() < count {
        let reply = client.reply();
        match reply.cmd {
            1210 => found.push(prost::Message::decode(reply.data.as_slice()).unwrap()),
            _ => assert_eq!(reply, Reply::new(1203, 5, b"")),
        }
    }
    found
}

#[test]
fn members_on_all_nodes_hear_what_is_said_in_order() {
    let nodes = Nodes::start(&["a", "b", "c"], &[]);
    // Names that mean something in subjects of NATS are names like others.
    for room in ["plaza", ">", "*", "a.b", "sysconn.nodes"] {
        let mut members: Vec<_> = ["a", "b", "b", "c"]
            .iter()
            .zip(1..)
            .map(|(name, role_id)| {
                let mut member = enter(nodes.of(name), &game(role_id));
                assert!(member.join(room) >= 1);
                member
            })
            .collect();
        let mut elsewhere = enter(nodes.of("b"), &game(50));
        elsewhere.join("elsewhere");
        // NATS has the subscription of each node once a text comes through.
        eventually("all hear it", || {
            say(&mut members[0], room, "?");
            members.iter_mut().all(|member| {
                member.send_packet(1101, 9, b"");
                let mut heard = false;
                loop {
                    match member.reply() {
                        reply if reply.cmd == 1101 => return heard,
                        reply => heard |= reply.cmd == 1210,
                    }
                }
            })
        });
        for number in 0..100 {
            say(&mut members[0], room, &number.to_string());
            say(&mut members[3], room, &number.to_string());
            say(&mut elsewhere, "elsewhere", &number.to_string());
        }
        for (index, member) in members.iter_mut().enumerate() {
            let mut heard = vec![];
            // Texts from before may still be on their way.
            while heard.len() < 200 {
                heard.extend(pushes(member, 1).into_iter().filter(|said| said.text != "?"));
            }
            for role_id in [1, 4] {
                let of: Vec<_> = heard.iter().filter(|said| said.role_id == role_id).cloned().collect();
                let expected: Vec<_> =
                    (0..100).map(|number: u32| said(room, role_id, &number.to_string())).collect();
                assert!(of == expected, "member {index} of {room} hears {role_id}: {of:?}");
            }
        }
        // Nobody has heard what was said elsewhere, and nothing else came there.
        let expected: Vec<_> =
            (0..100).map(|number: u32| said("elsewhere", 50, &number.to_string())).collect();
        assert_eq!(pushes(&mut elsewhere, 100), expected, "beside {room}");
        elsewhere.echo(b"nothing more");
    }
}
