//! How large messages are read, and how much of them is copied.

use super::super::read_policy::*;
use super::reading::request;
use super::*;

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn reads_are_large_after_large_messages() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.conn.read_size(), READ_BYTES);
    assert!(!rig.conn.says_little(&rig.env.settings), "not open");
    rig.feed(UPGRADE);
    let asked = |rig: &mut Rig| (rig.conn.read_size(), rig.conn.says_little(&rig.env.settings));
    let read = |rig: &mut Rig, len| {
        rig.conn.note_read(len);
        asked(rig)
    };
    assert_eq!(asked(&mut rig), (READ_BYTES, true));
    assert_eq!(read(&mut rig, MUCH_BYTES), (READ_BYTES, false));
    assert_eq!(read(&mut rig, MUCH_BYTES - 1), (READ_BYTES, true));
    rig.request(ECHO, &vec![0; LARGE_MESSAGE_BYTES - 10]);
    assert_eq!(asked(&mut rig), (READ_BYTES, true), "not quite large");
    rig.request(ECHO, &vec![0; LARGE_MESSAGE_BYTES - 9]);
    assert_eq!(asked(&mut rig), (LARGE_READ_BYTES, false));
    assert_eq!(read(&mut rig, 1), (LARGE_READ_BYTES, false), "a read says nothing of messages");
    rig.request(ECHO, b"small");
    assert_eq!(asked(&mut rig), (READ_BYTES, false));
    assert_eq!(read(&mut rig, 1), (READ_BYTES, true));

    // Bytes of a message that are already held are not read again.
    let frame = request(ECHO, &[0; 300_000]);
    rig.feed(&frame[..40_008]);
    assert_eq!(asked(&mut rig), (READ_BYTES - 40_000 + 6, false), "much is on its way");
    rig.feed(&frame[40_008..frame.len() - MUCH_BYTES]);
    assert_eq!(asked(&mut rig), (MIN_READ_BYTES, false));
    rig.feed(&frame[frame.len() - MUCH_BYTES..frame.len() - 1]);
    assert_eq!(asked(&mut rig), (MIN_READ_BYTES, true));
    rig.with(|conn, env| conn.close(Cause::Operator, env));
    assert_eq!(asked(&mut rig), (MIN_READ_BYTES, false), "what comes now is only gone through");
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn a_large_message_is_read_into_its_own_buffer() {
    let mut rig = Rig::open(|_| {});
    assert!(rig.conn.receive_buffer().is_none() && rig.conn.last_payload().is_empty());
    let frame = request(ECHO, &[7; 200_000]);
    let mut sent = 40_000;
    rig.feed(&frame[..sent]);
    while sent < frame.len() {
        let rest = &frame[sent..];
        let buffer = rig.conn.receive_buffer().expect("it is large");
        let count = buffer.len().min(rest.len()).min(50_000);
        buffer[..count].copy_from_slice(&rest[..count]);
        rig.conn.handle_received(count, &rig.env);
        rig.feed(&[]);
        sent += count;
    }
    assert_eq!(rig.replies()[0].data, [7; 200_000]);
    assert_eq!(rig.conn.last_payload().len(), 200_009);
    rig.conn.abort(Cause::PeerGone);
    assert!(rig.conn.receive_buffer().is_none() && rig.conn.last_payload().is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn little_of_a_message_is_copied_if_the_last_one_came_in_pieces() {
    let frame = request(ECHO, &[7; 200_000]);
    // One read ends at each of these places, the last one at the end.
    let receive = |rig: &mut Rig, ends: &[usize]| {
        let (first, rest) = ends.split_first().expect("there is a read");
        rig.feed(&frame[..*first]);
        let mut from = *first;
        for &to in rest {
            let piece = &frame[from..to];
            rig.conn.receive_buffer().expect("it is large")[..piece.len()].copy_from_slice(piece);
            rig.conn.handle_received(piece.len(), &rig.env);
            rig.feed(&[]);
            from = to;
        }
    };
    let all = frame.len();
    for (ends, expected, what) in [
        (&[FIRST_READ_BYTES, all][..], LARGE_READ_BYTES, "the system had the rest at once"),
        (&[FIRST_READ_BYTES, 100_000, all], FIRST_READ_BYTES, "two more pieces"),
        (&[100_000, all], FIRST_READ_BYTES, "much was copied"),
    ] {
        let mut rig = Rig::open(|_| {});
        receive(&mut rig, &[all]);
        assert_eq!(rig.conn.read_size(), LARGE_READ_BYTES, "{what}: one that comes whole goes before");
        receive(&mut rig, &[150_000, all]);
        assert_eq!(rig.conn.read_size(), FIRST_READ_BYTES, "{what}: then one in pieces");
        rig.conn.note_read(1);
        receive(&mut rig, ends);
        assert_eq!(rig.conn.read_size(), expected, "{what}");
        assert_eq!(rig.replies().len(), 3, "{what}");
        rig.request(ECHO, b"small");
        assert_eq!(rig.conn.read_size(), READ_BYTES, "{what}: after a small one");
    }
}
