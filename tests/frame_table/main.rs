//! One table of frames for decoder and encoder, and one of violations. Each row is fed whole, byte by byte,
//! and cut at every point.

mod feed;
mod frames;
mod violations;

use feed::{KEY, Seen, cuttings, feed};
use frames::{Frame, rows};
use sysconn::frame::{Header, Opcode, Role, Rules, push_frame, push_masked_frame};
use violations::{CLIENT, Violation, violations};

#[test]
fn frames_decode_to_their_rows_in_any_pieces() {
    for row in rows() {
        for role in [Role::Server, Role::Client] {
            let rules = Rules { role, max_len: row.max_len, text: true, deflate: false };
            let wire = row.wire(role);
            let mut end = 0;
            let key = if role == Role::Server { 4 } else { 0 };
            let ends: Vec<usize> = std::iter::once(0)
                .chain(row.frames.iter().map(|frame| {
                    end += frame.head.len() + key + frame.payload.len();
                    end
                }))
                .collect();
            for cuts in cuttings(&wire, &ends) {
                let shown = &cuts[..cuts.len().min(4)];
                let (seen, end) = feed(&wire, &rules, &cuts);
                assert!(seen == row.seen, "{}, {role:?}, cut at {shown:?}", row.name);
                assert!(end.is_ok_and(|decoder| decoder.is_idle()), "{}, {role:?}, {shown:?}", row.name);
            }
        }
    }
}

#[test]
fn rows_encode_to_their_frames() {
    for row in rows() {
        for role in [Role::Server, Role::Client] {
            assert!(row.encoded(role) == row.wire(role), "{}, {role:?}", row.name);
        }
        for Frame { head, fin, opcode, payload } in &row.frames {
            let payload_len = payload.len() as u64;
            let header = Header { fin: *fin, rsv1: false, opcode: *opcode, mask: None, payload_len };
            assert_eq!(&*header.encode(), *head, "{}", row.name);
        }
    }
}

#[test]
fn examples_of_the_rfc() {
    let mut out = Vec::new();
    push_masked_frame(&mut out, true, Opcode::Text, KEY, b"Hello");
    assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    out.clear();
    push_frame(&mut out, Opcode::Text, b"Hello");
    assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
}

#[test]
fn violations_are_found_at_the_byte_that_shows_them() {
    for row in violations() {
        let Violation { name, rules, wire, seen, error, close_code, at } = &row;
        let every_byte: Vec<usize> = (1..wire.len()).collect();
        let (before, end) = feed(wire, rules, &every_byte);
        assert_eq!(end.err(), Some((*error, *at)), "{name}: {wire:02x?}");
        assert_eq!(before, *seen, "{name}");
        assert_eq!(error.close_code().get(), *close_code, "{name}");
        let near = |cut: &usize| wire.len() <= 100 || *cut > wire.len() - 10;
        for cut in (0..=wire.len()).filter(near) {
            let (before, end) = feed(wire, rules, &[cut]);
            assert_eq!(end.err().map(|(error, _)| error), Some(*error), "{name} cut at {cut}");
            assert_eq!(before, *seen, "{name} cut at {cut}");
        }
    }
}

#[test]
fn as_many_fragments_as_may_be() {
    let wire = [[0x02, 0].as_slice(), &[0, 0].repeat(1026), &[0x80, 0]].concat();
    assert_eq!(feed(&wire, &CLIENT, &[]).0, [Seen::Binary(vec![])]);
}
