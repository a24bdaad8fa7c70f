//! Frames to decode and payloads to unmask.

use sysconn::frame::{Decoder, Event, Opcode, Role, Rules, push_frame, push_masked_frame};

pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
pub(crate) const MAX_LEN: usize = 512 * 1024;
pub(crate) const SERVER: Rules = Rules { role: Role::Server, max_len: MAX_LEN, text: true, deflate: false };
pub(crate) const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };

/// Bytes whose period differs from that of the key.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 % 251) as u8).collect()
}

/// A frame that is not masked: nothing touches its payload, so decoding it is parsing its header.
pub(crate) fn unmasked(size: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    push_frame(&mut wire, Opcode::Binary, &bytes(size));
    wire
}

/// That many messages of that size, as a client sends them.
pub(crate) fn masked(count: usize, size: usize) -> Vec<u8> {
    let (mut wire, payload) = (Vec::new(), bytes(size));
    for _ in 0..count {
        push_masked_frame(&mut wire, true, Opcode::Binary, KEY, &payload);
    }
    wire
}

/// One message of `len` bytes, as a client sends it in fragments.
pub(crate) fn fragmented(len: usize, fragment: usize) -> Vec<u8> {
    let (mut wire, payload) = (Vec::new(), bytes(len));
    for (index, part) in payload.chunks(fragment).enumerate() {
        let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
        push_masked_frame(&mut wire, (index + 1) * fragment >= len, opcode, KEY, part);
    }
    wire
}

/// Decodes the whole frames in `wire`, and returns the total length of their messages.
///
/// Messages are unmasked in place, so rounds alternate between masked and plain payloads: the work is the
/// same. Short fragments are joined in place as well, so they can be decoded only once.
pub(crate) fn decode(decoder: &mut Decoder, wire: &mut [u8], rules: &Rules) -> usize {
    let mut input = wire;
    let mut total = 0;
    while let Ok(Some(event)) = decoder.next(&mut input, rules) {
        if let Event::Message { payload, .. } = event {
            total += payload.len();
        }
    }
    total
}

/// The same, with `wire` in reads of that size.
pub(crate) fn decode_in_pieces(decoder: &mut Decoder, wire: &mut [u8], read: usize) -> usize {
    wire.chunks_mut(read).map(|piece| decode(decoder, piece, &SERVER)).sum()
}

/// The obvious loop.
pub(crate) fn unmask_obviously(payload: &mut [u8], key: [u8; 4]) {
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
}

/// The index of the first byte of `buffer` that begins a cache line.
pub(crate) fn cache_line(buffer: &[u8]) -> usize {
    buffer.as_ptr().align_offset(64)
}
