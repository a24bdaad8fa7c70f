//! Counts records of TLS as their bytes go by. Each costs a decryption, however little is in it, and the
//! plaintext that comes out does not tell how many there were.

use std::io::{self, Read};

/// Type, version and length (RFC 8446 §5.1).
const HEADER_BYTES: usize = 5;

/// Where in a stream of records the bytes so far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// So many bytes of a header have come, and the last of them was this one.
    Header(usize, u8),
    /// So many bytes of a record are still to come.
    Payload(usize),
}

/// The records of one peer.
#[derive(Debug)]
pub(super) struct Records {
    at: At,
    count: u32,
}

impl Records {
    pub(super) fn new() -> Self {
        Records { at: At::Header(0, 0), count: 0 }
    }

    /// How many have begun since this was asked last.
    pub(super) fn take(&mut self) -> u32 {
        std::mem::take(&mut self.count)
    }

    /// Passes on what is read, and counts the records in it.
    pub(super) fn counting<'a, R>(&'a mut self, stream: &'a mut R) -> Counting<'a, R> {
        Counting { records: self, stream }
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.at = match self.at {
                At::Payload(left) => {
                    let passed = left.min(bytes.len());
                    bytes = bytes.get(passed..).unwrap_or_default();
                    if passed < left { At::Payload(left - passed) } else { At::Header(0, 0) }
                }
                At::Header(passed, before) => {
                    let Some((&byte, rest)) = bytes.split_first() else { return };
                    bytes = rest;
                    self.count = self.count.saturating_add(u32::from(passed == 0));
                    if passed + 1 < HEADER_BYTES {
                        At::Header(passed + 1, byte)
                    } else {
                        At::Payload(u16::from_be_bytes([before, byte]).into())
                    }
                }
            }
        }
    }
}

/// See [`Records::counting`].
pub(super) struct Counting<'a, R> {
    records: &'a mut Records,
    stream: &'a mut R,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(buffer)?;
        self.records.pass(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_however_they_arrive() {
        let record = |len: u16| [&[23, 3, 3][..], &len.to_be_bytes(), &vec![23; len.into()]].concat();
        let lengths = [0, 1, 17, 256, 0, 0, 16_401, 5];
        let bytes = lengths.map(record).concat();
        for piece in [1, 2, 3, 4, 5, 7, 4096, bytes.len()] {
            let mut records = Records::new();
            let (mut rest, mut count) = (bytes.as_slice(), 0);
            while !rest.is_empty() {
                let len = piece.min(rest.len());
                records.counting(&mut rest).read_exact(&mut vec![0; len]).unwrap();
                count += records.take();
            }
            assert_eq!((count, records.at), (lengths.len() as u32, At::Header(0, 0)), "pieces of {piece}");
        }
    }
}
