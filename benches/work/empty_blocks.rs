//! Deflate blocks without output that take an inflater as long as a block can: each defines a code (RFC 1951
//! §3.2.7), for which the inflater builds a table, and then ends.

/// The most bytes of such blocks: with all headers a message still fits the limit.
pub(crate) const MOST_BYTES: usize = 520_000;
/// The order in which lengths of the code for lengths come, without the last, 15, which is not used here.
const ORDER: [u8; 18] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1];
/// The symbol for 11 to 138 zeros.
const ZEROS: u8 = 18;
/// The symbols of the code for lengths, each with the length of its code, in the order of their codes.
const LENGTHS: [(u8, u8); 12] =
    [(1, 3), (2, 3), (3, 3), (ZEROS, 3), (0, 4), (4, 4), (5, 4), (6, 4), (7, 4), (8, 4), (9, 4), (10, 4)];

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u8) {
        for at in 0..bits {
            if self.len.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.len / 8] |= ((value >> at & 1) as u8) << (self.len % 8);
            self.len += 1;
        }
    }

    /// A length, in the canonical code for [`LENGTHS`], the highest bit first.
    fn put_length(&mut self, symbol: u8) {
        let (mut code, mut before) = (0u32, LENGTHS[0].1);
        for (candidate, bits) in LENGTHS {
            code <<= bits - before;
            if candidate == symbol {
                return self.put(code.reverse_bits() >> (32 - bits), bits);
            }
            (code, before) = (code + 1, bits);
        }
    }

    fn put_zeros(&mut self, count: u32) {
        self.put_length(ZEROS);
        self.put(count - 11, 7);
    }

    fn put_block(&mut self) {
        // Not the last block; dynamic; 257 literals and lengths; 1 distance; the number of lengths of
        // lengths.
        for (value, bits) in [(0, 1), (2, 2), (0, 5), (0, 5), (ORDER.len() as u32 - 4, 4)] {
            self.put(value, bits);
        }
        for symbol in ORDER {
            let bits =
                LENGTHS.iter().find(|&&(candidate, _)| candidate == symbol).map_or(0, |&(_, bits)| bits);
            self.put(bits.into(), 3);
        }
        // Ten literals have codes of 2 to 10 bits, and the end of the block has the code of 1 bit.
        self.put_zeros(138);
        self.put_zeros(256 - 10 - 138);
        (2..=10).chain([10, 1]).for_each(|bits| self.put_length(bits));
        // No distance, and the end.
        self.put_length(0);
        self.put(0, 1);
    }
}

/// As many blocks as fit into `bytes` bytes and end at a byte boundary.
fn blocks(bytes: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    (0..8).for_each(|_| bits.put_block());
    bits.bytes.repeat(bytes / bits.bytes.len())
}

/// A zlib stream without content (RFC 1950), with about that many bytes of blocks.
pub(crate) fn zlib(bytes: usize) -> Vec<u8> {
    // Behind the blocks an empty last one, and the checksum of nothing.
    [b"\x78\x01".as_slice(), &blocks(bytes), b"\x03\0\0\0\0\x01"].concat()
}

/// `message` compressed for permessage-deflate (RFC 7692 §7.2.1), and then about that many bytes of blocks.
pub(crate) fn deflate(message: &[u8], bytes: usize) -> Vec<u8> {
    in_blocks(message, &blocks(bytes))
}

/// The same with these blocks behind it. The message has less than 64 KiB.
pub(crate) fn in_blocks(message: &[u8], blocks: &[u8]) -> Vec<u8> {
    let len = message.len() as u16;
    [&[0], &len.to_le_bytes()[..], &(!len).to_le_bytes(), message, blocks, &[0]].concat()
}
