//! The number of bytes that a connection reports to hold.

use super::*;

#[test]
fn held_bytes_are_waiting_and_unfinished_input_and_output() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.conn.held_bytes(), 0);
    let (begun, rest) = UPGRADE.split_at(100);
    rig.feed(begun);
    assert!((100..1000).contains(&rig.conn.held_bytes()), "{}", rig.conn.held_bytes());
    rig.feed(rest);
    assert_eq!(rig.conn.held_bytes(), 0);
    // The first half of a message.
    let mut message = vec![];
    push_masked_frame(&mut message, true, Opcode::Binary, [1, 2, 3, 4], &[0; 1000]);
    rig.feed(&message[..600]);
    assert!((590..1000).contains(&rig.conn.held_bytes()), "{}", rig.conn.held_bytes());
    let mut rig = Rig::open(|_| {});
    rig.request(DEFER, b"");
    assert_eq!(rig.conn.held_bytes(), 0);
    // A request that has to wait for the answer.
    rig.request(ECHO, &[0; 300]);
    let waiting = rig.conn.held_bytes();
    assert!((300..600).contains(&waiting), "{waiting}");
    // A reply that has to wait for the client.
    rig.conn.outbox.push_unwritten(&[0; 200], 0);
    assert_eq!(rig.conn.held_bytes(), waiting + 200);
}

#[test]
fn taken_input_is_given_back_once_it_is_much() {
    let mut inbox = Inbox::new(&[0; 50_000]);
    let held = inbox.held_bytes();
    inbox.advance(16 * 1024 - 1);
    assert_eq!(inbox.held_bytes(), held);
    inbox.advance(1);
    assert!(inbox.held_bytes() <= 50_000 - 16 * 1024 + 100, "{}", inbox.held_bytes());
}
