//! TLS records: where each ends, and how plaintext is divided into them.

use std::io::IoSlice;

/// The header of a record: type, version and length (RFC 8446 §5.1).
pub(super) const HEADER_BYTES: usize = 5;
/// The most plaintext in a record (RFC 8446 §5.1).
pub(super) const PLAIN_BYTES: usize = 16 * 1024;
/// The most bytes of a record, its header included (RFC 5246 §6.2.3, which allows the most).
pub(super) const MAX_RECORD_BYTES: usize = HEADER_BYTES + PLAIN_BYTES + 2048;
/// The most bytes that a record of ours has beyond its plaintext.
pub(super) const OVERHEAD_BYTES: usize = 64;

/// What `bytes` say about the record with which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has this many bytes, and all of them are there.
    Whole(usize),
    /// At least this many bytes are missing. If the header is there, they complete the record.
    Missing(usize),
}

pub(super) fn next(bytes: &[u8]) -> Next {
    let Some(&[_, _, _, high, low]) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Next::Missing(HEADER_BYTES - bytes.len());
    };
    let len = HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if len <= bytes.len() { Next::Whole(len) } else { Next::Missing(len - bytes.len()) }
}

/// Plaintext in several slices, which is taken from the front, by the record.
pub(super) struct Plaintext<'a> {
    slices: &'a [IoSlice<'a>],
    /// Bytes taken of the first slice.
    taken: usize,
}

impl<'a> Plaintext<'a> {
    pub(super) fn new(slices: &'a [IoSlice<'a>]) -> Self {
        Plaintext { slices, taken: 0 }
    }

    /// Takes at most `max` bytes, to be encrypted together. Whole slices that fit in a record are gathered in
    /// `record`; any other stays where it is, however many records it takes. Empty once all is taken.
    pub(super) fn take<'b>(&mut self, max: usize, record: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        let Some(first) = self.next_slice(max) else { return &[] };
        record.clear();
        let limit = max.min(PLAIN_BYTES);
        while let Some(slice) = self.slices.first()
            && record.len().max(first.len()) + slice.len() <= limit
        {
            if record.is_empty() {
                record.extend_from_slice(first);
            }
            record.extend_from_slice(slice);
            self.slices = self.slices.get(1..).unwrap_or_default();
        }
        if record.is_empty() { first } else { record }
    }

    /// Takes the rest of the first slice that is not empty, or `max` bytes of it.
    fn next_slice(&mut self, max: usize) -> Option<&'a [u8]> {
        loop {
            let slices: &'a [IoSlice<'a>] = self.slices;
            let slice = slices.first()?.get(self.taken..).unwrap_or_default();
            if slice.len() > max {
                self.taken += max;
                return slice.get(..max);
            }
            self.slices = slices.get(1..).unwrap_or_default();
            self.taken = 0;
            if !slice.is_empty() {
                return Some(slice);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_by_its_header() {
        let record = [&[23, 3, 3, 1, 2][..], &[7; 258], &[22]].concat();
        for len in 0..record.len() {
            let expected = match len {
                0..5 => Next::Missing(5 - len),
                5..263 => Next::Missing(263 - len),
                _ => Next::Whole(263),
            };
            assert_eq!(next(&record[..len]), expected, "{len} bytes");
        }
        assert_eq!(next(&[23, 3, 3, 0, 0]), Next::Whole(5));
    }

    #[test]
    fn short_slices_share_a_record_and_long_ones_are_not_copied() {
        let full = PLAIN_BYTES;
        /// Lengths of slices, the most to take at once, and what is taken: how much, and whether as a copy.
        type Case<'a> = (&'a [usize], usize, &'a [(usize, bool)]);
        let cases: [Case<'_>; 8] = [
            (&[], 100, &[]),
            (&[0, 0], 100, &[]),
            (&[32], full, &[(32, false)]),
            (&[0, 4, 32, 0, 5], full, &[(41, true)]),
            (&[4, full], 4 * full, &[(4, false), (full, false)]),
            (&[4, full - 4, 1], 4 * full, &[(full, true), (1, false)]),
            (&[5 * full, 1], 4 * full, &[(4 * full, false), (full, false), (1, false)]),
            (&[60, 60], 100, &[(60, false), (60, false)]),
        ];
        for (lengths, max, expected) in cases {
            let bytes: Vec<_> = (0..lengths.iter().sum::<usize>()).map(|byte| byte as u8).collect();
            let (mut rest, mut slices) = (bytes.as_slice(), vec![]);
            for len in lengths {
                slices.push(IoSlice::new(rest.split_off(..*len).unwrap()));
            }
            let (mut plaintext, mut record, mut taken, mut all) =
                (Plaintext::new(&slices), vec![], vec![], vec![]);
            loop {
                let chunk = plaintext.take(max, &mut record);
                if chunk.is_empty() {
                    break;
                }
                all.extend_from_slice(chunk);
                let is_inside = bytes.as_ptr_range().contains(&chunk.as_ptr());
                taken.push((chunk.len(), !is_inside));
            }
            assert_eq!((taken.as_slice(), all), (expected, bytes), "{lengths:?}");
        }
    }
}
