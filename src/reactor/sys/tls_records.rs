//! Counts TLS records as their bytes pass. Each record costs a decryption, however short it is, and the
//! plaintext does not show how many there were.

use std::io::{self, Read};

/// The header of a record: type, version and length (RFC 8446 §5.1).
const HEADER_BYTES: usize = 5;

/// The position of the bytes so far in the stream of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// This many bytes of a header have come; the last one is kept.
    Header(usize, u8),
    /// This many bytes of a record are still to come.
    Payload(usize),
}

/// Counts the records of one peer.
#[derive(Debug)]
pub(super) struct Records {
    position: Position,
    begun: u32,
}

impl Records {
    pub(super) fn new() -> Self {
        Records { position: Position::Header(0, 0), begun: 0 }
    }

    /// Returns how many records have begun since the last call.
    pub(super) fn take(&mut self) -> u32 {
        std::mem::take(&mut self.begun)
    }

    /// A reader that counts the records that pass through it.
    pub(super) fn counting<'a, R>(&'a mut self, stream: &'a mut R) -> Counting<'a, R> {
        Counting { records: self, stream }
    }

    fn count(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.position = match self.position {
                Position::Payload(left) => {
                    let passed = left.min(bytes.len());
                    bytes = bytes.get(passed..).unwrap_or_default();
                    if passed < left { Position::Payload(left - passed) } else { Position::Header(0, 0) }
                }
                Position::Header(passed, before) => {
                    let Some((&byte, rest)) = bytes.split_first() else { return };
                    bytes = rest;
                    self.begun = self.begun.saturating_add(u32::from(passed == 0));
                    if passed + 1 < HEADER_BYTES {
                        Position::Header(passed + 1, byte)
                    } else {
                        Position::Payload(u16::from_be_bytes([before, byte]).into())
                    }
                }
            }
        }
    }
}

/// The reader of [`Records::counting`].
pub(super) struct Counting<'a, R> {
    records: &'a mut Records,
    stream: &'a mut R,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(buffer)?;
        self.records.count(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_in_pieces_of_any_length() {
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
            assert_eq!(
                (count, records.position),
                (lengths.len() as u32, Position::Header(0, 0)),
                "pieces of {piece}"
            );
        }
    }
}
