//! Masking of payloads (RFC 6455 §5.3); `rules.rs` enforces that clients mask.

/// Payloads are masked in blocks of this many bytes: a cache line.
const BLOCK_BYTES: usize = 64;
/// From this length on, whole cache lines and wider vectors gain more than it costs to ask for them.
const LONG_BYTES: usize = 4 * BLOCK_BYTES;

/// Masks or unmasks `payload`: XORs each byte with the byte of `key` at its index modulo 4 (RFC 6455 §5.3).
///
/// If the payload comes in pieces, the key for the next piece is [`rotate_key`]`(key, payload.len())`.
#[inline]
pub fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    if payload.len() < LONG_BYTES { mask_short(payload, key) } else { mask_long(payload, key) }
}

/// Masks whole cache lines, and what lies before and behind them by itself: a header leaves the payload
/// anywhere, and a vector that is stored across two lines takes twice as long as one within a line.
#[inline(never)]
fn mask_long(payload: &mut [u8], key: [u8; 4]) {
    let to_line = payload.as_ptr().align_offset(BLOCK_BYTES).min(payload.len());
    let (front, rest) = payload.split_at_mut(to_line);
    mask_short(front, key);
    let key = rotate_key(key, to_line);
    let (lines, back) = rest.as_chunks_mut::<BLOCK_BYTES>();
    if !wide::mask_blocks(lines, key) {
        mask_blocks(lines, key);
    }
    mask_short(back, key);
}

#[inline(always)]
fn mask_short(payload: &mut [u8], key: [u8; 4]) {
    let (blocks, mut rest) = payload.as_chunks_mut::<BLOCK_BYTES>();
    mask_blocks(blocks, key);
    // Most payloads are shorter than a block: the rest needs no loop.
    mask_front::<32>(&mut rest, key);
    mask_front::<16>(&mut rest, key);
    mask_front::<8>(&mut rest, key);
    mask_front::<4>(&mut rest, key);
    mask_few(rest, key);
}

/// [`apply_mask`] for payloads of at most 3 bytes.
#[inline(always)]
pub(super) fn mask_few(payload: &mut [u8], key: [u8; 4]) {
    for (byte, key_byte) in payload.iter_mut().take(3).zip(key) {
        *byte ^= key_byte;
    }
}

#[inline(always)]
fn mask_blocks(blocks: &mut [[u8; BLOCK_BYTES]], key: [u8; 4]) {
    for block in blocks {
        mask_words(block, key);
    }
}

/// The same loop in 256-bit vectors, if the processor has them. The vectors that every x86-64 processor has
/// are half as wide, and unmasking is most of the user time of an echo of long messages: a tenth of a
/// server's time in all for messages of 16 KiB.
#[cfg(target_arch = "x86_64")]
mod wide {
    #![allow(unsafe_code, reason = "a function that only some processors can run is unsafe to call")]

    use crate::frame::mask::{self, BLOCK_BYTES};

    /// Returns false, and masks nothing, if the processor has no wider vectors.
    pub(super) fn mask_blocks(blocks: &mut [[u8; BLOCK_BYTES]], key: [u8; 4]) -> bool {
        let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
        if has_avx2 {
            // SAFETY: the processor has AVX2, the only feature that the function needs.
            unsafe { mask_blocks_by_avx2(blocks, key) };
        }
        has_avx2
    }

    #[target_feature(enable = "avx2")]
    fn mask_blocks_by_avx2(blocks: &mut [[u8; BLOCK_BYTES]], key: [u8; 4]) {
        mask::mask_blocks(blocks, key);
    }
}

/// On other architectures only the vectors that every processor has are used.
#[cfg(not(target_arch = "x86_64"))]
mod wide {
    pub(super) fn mask_blocks(_: &mut [[u8; crate::frame::mask::BLOCK_BYTES]], _: [u8; 4]) -> bool {
        false
    }
}

/// Masks the first `N` bytes of `payload` and removes them from it, if there are that many. `N` is a multiple
/// of 4.
#[inline(always)]
fn mask_front<const N: usize>(payload: &mut &mut [u8], key: [u8; 4]) {
    if let Some(front) = payload.split_off_mut(..N) {
        mask_words(front, key);
    }
}

/// Masks bytes whose number is a multiple of 4. The compiler vectorizes the loop.
#[inline(always)]
fn mask_words(bytes: &mut [u8], key: [u8; 4]) {
    let key = u32::from_ne_bytes(key);
    for word in bytes.as_chunks_mut::<4>().0 {
        *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
}

/// The masking key for the bytes of a payload after the first `by`.
#[must_use]
pub const fn rotate_key(key: [u8; 4], by: usize) -> [u8; 4] {
    // As a little-endian number the key's first byte is the lowest: rotating right moves it to the end.
    u32::from_le_bytes(key).rotate_right(8 * (by % 4) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn naive(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]).collect()
    }

    #[test]
    fn equals_the_naive_loop_at_every_alignment_and_length() {
        let bytes: Vec<u8> = (0..400_u32).map(|index| (index * 31 % 251) as u8).collect();
        // Miri is a thousand times slower, so it runs a sample.
        let (offsets, lengths) = if cfg!(miri) { (13, 37) } else { (3, 1) };
        for offset in (0..64).step_by(offsets) {
            for length in (0..=330).step_by(lengths).chain([255, 256]) {
                let mut masked = bytes.clone();
                apply_mask(&mut masked[offset..offset + length], KEY);
                let mut expected = bytes.clone();
                expected.splice(offset..offset + length, naive(&bytes[offset..offset + length], KEY));
                assert_eq!(masked, expected, "offset {offset} length {length}");
            }
        }
    }

    #[test]
    fn pieces_continue_with_the_rotated_key() {
        let bytes: Vec<u8> = (0..64).collect();
        for cut in 0..=bytes.len() {
            let mut pieces = bytes.clone();
            let (first, second) = pieces.split_at_mut(cut);
            apply_mask(first, KEY);
            apply_mask(second, rotate_key(KEY, cut));
            assert_eq!(pieces, naive(&bytes, KEY), "cut at {cut}");
        }
        assert_eq!(rotate_key(KEY, usize::MAX), [0x3d, 0x37, 0xfa, 0x21]);
    }
}
