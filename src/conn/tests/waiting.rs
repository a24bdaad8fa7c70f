//! Output that waits for the socket: its pieces, their order, and the memory that they hold.

use bytes::Bytes;

use super::*;

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    crate::frame::push_frame(&mut frame, opcode, payload);
    frame
}

/// The pieces that would be written next.
fn pieces(outbox: &Outbox) -> Vec<Vec<u8>> {
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let count = outbox.slices(&mut slices, usize::MAX);
    slices[..count].iter().map(|slice| slice.to_vec()).collect()
}

#[test]
fn small_frames_are_held_in_short_pieces() {
    let small = frame(Opcode::Binary, &[0; 508]);
    let mut outbox = Outbox::default();
    for _ in 0..33 {
        outbox.push_shared(small.clone().into());
    }
    let lengths: Vec<usize> = pieces(&outbox).iter().map(Vec::len).collect();
    assert_eq!(lengths, [8192, 8192, 512]);
}

#[test]
fn the_part_of_a_long_frame_that_was_taken_is_given_back_with_the_next_one() {
    for (taken, is_given_back) in [(8191, false), (8192, true)] {
        let long = Bytes::from(frame(Opcode::Binary, &[0; 20_000]));
        let mut outbox = Outbox::default();
        outbox.push_shared(long.clone());
        outbox.advance(taken);
        assert!(!long.is_unique());
        outbox.push_shared(frame(Opcode::Binary, b"next").into());
        assert_eq!(long.is_unique(), is_given_back, "{taken} bytes were taken");
        assert_eq!(pieces(&outbox).concat(), [&long[taken..], &*frame(Opcode::Binary, b"next")].concat());
    }
}

#[test]
fn a_waiting_pong_goes_out_before_a_later_one() {
    let text = frame(Opcode::Text, b"text");
    let mut outbox = Outbox::default();
    outbox.push_unwritten(&text, 0);
    outbox.set_pong(b"first");
    let second = frame(Opcode::Pong, b"second");
    outbox.push_unwritten(&second, 0);
    assert_eq!(pieces(&outbox).concat(), [frame(Opcode::Pong, b"first"), text, second].concat());
}
