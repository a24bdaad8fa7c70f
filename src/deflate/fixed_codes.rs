//! The fixed Huffman codes for literals, lengths and distances (RFC 1951 §3.2.5 and §3.2.6), as tables of the
//! bits to write.

/// The shortest and the longest match.
pub(super) const MIN_MATCH_BYTES: usize = 3;
pub(super) const MAX_MATCH_BYTES: usize = 258;

/// The header of a block that uses these codes and is not the last one: bits, and their number.
pub(super) const BLOCK_HEADER: Bits = Bits::new(0b010, 3);
/// The code for the end of a block.
pub(super) const END_OF_BLOCK: Bits = symbol(256);

/// Bits to write, the first one lowest: at most 26, with their number above them.
#[derive(Clone, Copy)]
pub(super) struct Bits(u32);

impl Bits {
    const fn new(bits: u32, count: u32) -> Self {
        Bits(bits | count << 26)
    }

    /// The bits, and their number.
    #[inline(always)]
    pub(super) const fn parts(self) -> (u32, u32) {
        (self.0 & ((1 << 26) - 1), self.0 >> 26)
    }

    /// These bits, and then `count` more.
    #[inline(always)]
    const fn then(self, more: u32, count: u32) -> Self {
        let (bits, before) = self.parts();
        Bits::new(bits | more << before, before + count)
    }
}

/// A Huffman code, which is written from its most significant bit.
#[inline(always)]
const fn huffman(code: u32, count: u32) -> Bits {
    Bits::new(code.reverse_bits() >> (32 - count), count)
}

/// The code of a literal (0 to 255), of the end of a block (256), or of a length (257 to 285).
const fn symbol(symbol: u32) -> Bits {
    match symbol {
        0..144 => huffman(0x30 + symbol, 8),
        144..256 => huffman(0x190 + (symbol - 144), 9),
        256..280 => huffman(symbol - 256, 7),
        _ => huffman(0xc0 + (symbol - 280), 8),
    }
}

static LITERALS: [Bits; 256] = {
    let mut table = [BLOCK_HEADER; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = symbol(byte as u32);
        byte += 1;
    }
    table
};

/// By length, less the shortest one.
static LENGTHS: [Bits; MAX_MATCH_BYTES - MIN_MATCH_BYTES + 1] = {
    let mut table = [BLOCK_HEADER; MAX_MATCH_BYTES - MIN_MATCH_BYTES + 1];
    let mut more = 0;
    while more < table.len() - 1 {
        let (code, extra, extra_bits) = ranged(more as u32, 2);
        table[more] = symbol(257 + code).then(extra, extra_bits);
        more += 1;
    }
    // The longest match has a code of its own.
    table[more] = symbol(285);
    table
};

/// The code of the range that contains `number`, the position in that range, and its number of bits. Each
/// power of two is divided into `1 << kept_bits` ranges.
#[inline(always)]
const fn ranged(number: u32, kept_bits: u32) -> (u32, u32, u32) {
    if number >> kept_bits == 0 {
        return (number, 0, 0);
    }
    let extra_bits = number.ilog2() - kept_bits;
    ((extra_bits << kept_bits) + (number >> extra_bits), number & ((1 << extra_bits) - 1), extra_bits)
}

/// The bits of a literal byte.
#[inline(always)]
pub(super) fn literal(byte: u8) -> Bits {
    LITERALS[usize::from(byte)]
}

/// The bits of a match's length, `MIN_MATCH_BYTES` to `MAX_MATCH_BYTES`.
#[inline(always)]
pub(super) fn length(bytes: usize) -> Bits {
    LENGTHS[(bytes - MIN_MATCH_BYTES).min(LENGTHS.len() - 1)]
}

/// The bits of a match's distance, 1 to 32768.
#[inline(always)]
pub(super) fn distance(bytes: usize) -> Bits {
    let (code, extra, extra_bits) = ranged(bytes as u32 - 1, 1);
    huffman(code, 5).then(extra, extra_bits)
}
