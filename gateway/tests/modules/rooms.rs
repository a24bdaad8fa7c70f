//! Chat rooms.

use super::client::{enter, game, said, serve};
use super::common::eventually;
use super::messages::room;

#[test]
fn a_message_reaches_each_member_once() {
    let program = serve();
    let mut members: Vec<_> = (1..=4).map(|role_id| enter(&program, &game(role_id))).collect();
    for (count, client) in (1..).zip(&mut members) {
        assert_eq!(client.join("hall"), count);
        assert_eq!(client.join("hall"), count, "again");
    }
    let mut outside = enter(&program, &game(9));
    let words = room::Say { room: "hall".into(), text: "hello".into() };
    outside.expect_refusal(1203, &words, 4, "not a member");
    assert_eq!(members[3].leave("hall"), 3);
    assert_eq!(members[3].leave("hall"), 3, "again");
    members[3].expect_refusal(1203, &words, 4, "no member any more");

    for (text, role_id) in [("hello", 1), ("", 2), ("grüß euch", 3), ("hello", 1)] {
        let speaker = &mut members[usize::try_from(role_id).unwrap() - 1];
        speaker.expect_done(1203, &room::Say { room: "hall".into(), text: text.into() });
        for client in &mut members[..3] {
            client.hear(&said("hall", role_id, text));
        }
    }
    // No member has received anything else.
    for client in members.iter_mut().chain([&mut outside]) {
        client.echo(b"nothing before this");
    }

    members[0].close();
    // One of them says goodbye, the other does not.
    members.drain(..2);
    eventually("who has ended has left", || {
        let count = outside.join("hall");
        outside.leave("hall");
        count == 2
    });
    assert_eq!(members[0].leave("hall"), 0);
    assert_eq!(outside.join("hall"), 1);
}

#[test]
fn rooms_are_bounded() {
    let program = serve();
    let mut client = enter(&program, &game(1));
    let join = |room: String| room::Join { room };
    client.expect_refusal(1201, &join(String::new()), 4, "no name");
    client.expect_refusal(1201, &join("x".repeat(65)), 4, "a long name");
    assert_eq!(client.join(&"é".repeat(32)), 1);
    for number in 1..100 {
        assert_eq!(client.join(&number.to_string()), 1);
    }
    client.expect_refusal(1201, &join("one more".into()), 4, "in 100 rooms already");
    assert_eq!(client.leave("1"), 0);
    assert_eq!(client.join("one more"), 1);
}
