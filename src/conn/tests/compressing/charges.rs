//! What compressing costs a client of its frames in a turn.

use super::*;
use crate::router::COMPRESSED_BYTES_PER_FRAME;

#[test]
fn a_slice_is_bounded_and_charged() {
    for way in WAYS {
        let mut rig = compressing(way);
        ask(&mut rig, &[10 * SLICE_BYTES as i32]);
        let mut slices = 0;
        loop {
            rig.env.frames_left = 1000;
            if !rig.conn.has_job() {
                break;
            }
            rig.conn.go_on_compressing(&mut rig.env);
            let most = (SLICE_BYTES / COMPRESSED_BYTES_PER_FRAME) as u32;
            assert!((1..=most).contains(&(1000 - rig.env.frames_left)), "{} left", rig.env.frames_left);
            slices += 1;
        }
        assert!((10..=15).contains(&slices), "{way:?}: {slices} slices");
        // Many short replies behind a long one share a slice.
        if way.1 == DeflateMode::Dedicated {
            ask(&mut rig, &[17_000]);
            (0..300).for_each(|_| ask(&mut rig, &[60]));
            let slices = std::iter::from_fn(|| rig.compress_slice().then_some(())).count();
            assert!((4..=7).contains(&slices), "{slices} slices");
        }
    }
}

#[test]
fn compression_at_once_is_charged_to_the_client() {
    for way in WAYS {
        let mut rig = compressing(way);
        let mut packet = vec![];
        ask(&mut rig, &[]);
        let lens = [10_000i32; 3].map(i32::to_be_bytes).concat();
        push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd: CALL, data: &lens });
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &packet);
        rig.env.frames_left = 1000;
        let mut rest = &mut bytes[..];
        assert_eq!(rig.conn.handle_bytes(&mut rest, &mut rig.env), Progress::Taken);
        let cost = 1000 - rig.env.frames_left;
        assert!((1 + 3 * 78..=1 + 3 * (78 + 79)).contains(&cost), "{way:?}: {cost}");
        assert!(!rig.conn.has_job(), "each fits a slice");
    }
}

/// The frames that replies cost while they are compressed slice by slice.
fn cost_by_slice(rig: &mut Rig, lens: &[i32]) -> u32 {
    ask(rig, lens);
    let mut cost = 0;
    while rig.compress_slice() {
        cost += 1000 - rig.env.frames_left;
    }
    cost
}

#[test]
fn a_message_of_zlibs_levels_costs_more_than_its_bytes() {
    let len = 256 - REPLY_HEADER_BYTES as i32;
    let at_once = |level, mode| {
        let mut rig = compressing_with(0, mode, |config| config.output.deflate_level = level);
        ask(&mut rig, &[len]);
        1000 - rig.env.frames_left
    };
    for (level, cost) in [(1, 2), (2, 10), (3, 10), (4, 12), (5, 12), (6, 24)] {
        for mode in [DeflateMode::Shared, DeflateMode::Dedicated] {
            assert_eq!(
                at_once(level, mode) - at_once(level, DeflateMode::Off),
                cost,
                "level {level}, {mode:?}"
            );
        }
        let mode = DeflateMode::Dedicated;
        let mut rig = compressing_with(0, mode, |config| config.output.deflate_level = level);
        let behind = cost_by_slice(&mut rig, &[17_000, len]) - cost_by_slice(&mut rig, &[17_000]);
        assert_eq!(behind, cost, "level {level}, slice by slice");
    }
}

#[test]
fn uncompressed_replies_are_neither_charged_nor_delayed() {
    let mut rig = compressing_with(0, DeflateMode::Off, |_| {});
    ask(&mut rig, &[30_000, 5]);
    assert!(!rig.conn.has_job());
    assert_eq!((rig.env.frames_left, rig.messages.len()), (999, 2));
}
