//! Writes numbers of any few bits, the least significant bit first (RFC 1951 §3.1.1).

/// The bits that are not written yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BitWriter {
    bits: u64,
    /// The number of these bits; below 8 after [`write`](Self::write).
    count: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `bits`, the others of which are 0. At most 56 bits can be appended
    /// before they must be [written](Self::write).
    #[inline(always)]
    pub(super) fn push(&mut self, bits: u32, count: u32) {
        debug_assert!(u64::from(bits) < 1 << count && self.count + count < u64::BITS);
        self.bits |= u64::from(bits).wrapping_shl(self.count);
        self.count = self.count.wrapping_add(count);
    }

    /// Appends all whole bytes to `out`.
    #[inline(always)]
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        // Always eight bytes, some of which are taken back: there is nothing to decide.
        let len = out.len();
        out.extend_from_slice(&self.bits.to_le_bytes());
        out.truncate(len.wrapping_add(self.count as usize / 8));
        self.bits = self.bits.wrapping_shr(self.count & !7);
        self.count &= 7;
    }

    /// Fills the last byte with zeros, and appends all bytes to `out`.
    pub(super) fn align(&mut self, out: &mut Vec<u8>) {
        // Together with the bits that fill it, the others could be 64, which cannot be shifted out at once.
        self.write(out);
        self.count = self.count.next_multiple_of(8);
        self.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_what_was_aligned() {
        for count in 0..64_usize {
            let (mut writer, mut out) = (BitWriter::default(), vec![]);
            (0..count).for_each(|_| writer.push(1, 1));
            writer.align(&mut out);
            writer.push(0, 8);
            writer.write(&mut out);
            let mut expected = ((1_u64 << count) - 1).to_le_bytes()[..count.div_ceil(8)].to_vec();
            expected.push(0);
            assert_eq!(out, expected, "{count} bits");
        }
    }
}
