//! The masking of payloads: RFC 6455 §5.3.

/// Masks or unmasks `payload`: each byte is combined with that of `key` at its index modulo 4.
///
/// For the next piece of the same payload the key is [`rotate_key`]`(key, payload.len())`.
pub fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let twice = [a, b, c, d, a, b, c, d];
    // Lanes of a plain integer: a loop that the compiler turns into the widest vectors it may use.
    let lane = u64::from_ne_bytes(twice);
    let (lanes, tail) = payload.as_chunks_mut::<8>();
    for bytes in lanes {
        *bytes = (u64::from_ne_bytes(*bytes) ^ lane).to_ne_bytes();
    }
    for (byte, key_byte) in tail.iter_mut().zip(twice) {
        *byte ^= key_byte;
    }
}

/// The key for what follows after `by` bytes of a payload.
#[must_use]
pub const fn rotate_key(key: [u8; 4], by: usize) -> [u8; 4] {
    // The key's first byte is the highest, so the bytes move up as the payload goes on.
    u32::from_be_bytes(key).rotate_left(8 * (by % 4) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn obvious(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]).collect()
    }

    #[test]
    fn equals_the_obvious_loop_at_every_alignment_and_length() {
        let bytes: Vec<u8> = (0..400_u32).map(|index| (index * 31 % 251) as u8).collect();
        for offset in 0..16 {
            for length in 0..=300 {
                let mut masked = bytes.clone();
                apply_mask(&mut masked[offset..offset + length], KEY);
                let mut expected = bytes.clone();
                expected.splice(offset..offset + length, obvious(&bytes[offset..offset + length], KEY));
                assert_eq!(masked, expected, "offset {offset} length {length}");
            }
        }
    }

    #[test]
    fn phase_is_carried_between_pieces() {
        let bytes: Vec<u8> = (0..64).collect();
        for cut in 0..=bytes.len() {
            let mut pieces = bytes.clone();
            let (first, second) = pieces.split_at_mut(cut);
            apply_mask(first, KEY);
            apply_mask(second, rotate_key(KEY, cut));
            assert_eq!(pieces, obvious(&bytes, KEY), "cut at {cut}");
        }
        assert_eq!(rotate_key(KEY, usize::MAX), [0x3d, 0x37, 0xfa, 0x21]);
    }
}
