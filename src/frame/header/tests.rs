//! Headers there and back, and where frames begin.

use super::*;

#[test]
fn opcodes_are_their_numbers() {
    let known =
        [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
    for bits in 0..=255 {
        assert_eq!(Opcode::from_bits(bits), known.into_iter().find(|&opcode| opcode as u8 == bits), "{bits}");
    }
    assert_eq!(known.map(Opcode::is_control), [false, false, false, true, true, true]);
    assert_eq!(known.map(|opcode| begins_data(FIN | opcode as u8)), [true, true, true, false, false, false]);
}

#[test]
fn what_is_encoded_is_what_is_parsed() {
    let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, u64::from(u32::MAX) + 1, TOP_BIT - 1];
    for (length, bytes) in lengths.into_iter().zip([2, 2, 2, 4, 4, 4, 10, 10, 10]) {
        for (fin, rsv1, mask) in [(true, false, None), (false, true, Some([1, 2, 3, 4]))] {
            let header = Header { fin, rsv1, opcode: Opcode::Binary, mask, payload_len: length };
            let encoded = header.encode();
            let (first_two, rest) = encoded.split_first_chunk().unwrap();
            let start = HeaderStart::parse(*first_two).unwrap();
            assert_eq!(start.complete(rest), Ok(Some(header)));
            assert_eq!(encoded.len(), bytes + if mask.is_some() { 4 } else { 0 }, "{length}");
            assert_eq!(start.rest_bytes(), rest.len());
            for short in 0..rest.len() {
                assert_eq!(start.complete(&rest[..short]), Ok(None), "{length} cut at {short}");
            }
        }
    }
}

#[test]
fn a_header_that_is_pushed_is_the_one_that_is_encoded() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, usize::MAX >> 1] {
        for opcode in [Opcode::Text, Opcode::Binary, Opcode::Pong] {
            let mut out = vec![0xa5];
            push_header(&mut out, opcode, length);
            assert_eq!(out[1..], *server_header(opcode, true, length as u64), "{length}");
            assert_eq!(out.len(), 1 + server_header_bytes(length), "{length}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn boundaries_are_found_from_every_offset() {
    let mut stream = Vec::new();
    let mut boundaries = vec![0];
    for length in [0, 1, 125, 126, 300, 65_535, 65_536, 0, 7] {
        push_frame(&mut stream, Opcode::Binary, &vec![0x82; length]);
        boundaries.push(stream.len());
    }
    for at in 0..=stream.len() {
        let expected = boundaries.iter().copied().find(|&boundary| boundary >= at);
        assert_eq!(Some(boundary_at_or_after(&stream, at)), expected, "{at}");
    }
    assert_eq!(boundary_at_or_after(&stream, usize::MAX), stream.len());
    assert_eq!(boundary_at_or_after(&[], 0), 0);
    for (name, broken) in [("cut", &[0x82, 5, 0][..]), ("reserved", &[0xff; 20]), ("half", &[0x82])] {
        assert_eq!(boundary_at_or_after(broken, 1), broken.len(), "{name}");
    }
}
