//! UTF-8 validation of text that arrives in pieces (RFC 3629).

use super::error::Error;

/// Validates UTF-8 text that arrives in pieces (RFC 3629). A piece may end within a character.
///
/// It fails at the first byte that cannot continue the text, without waiting for the end of the character.
/// After a failure its results have no meaning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8Validator {
    /// The number of bytes that the last character still needs, 0 to 3.
    missing: u8,
    /// The least value of the next byte of that character.
    low: u8,
    /// The greatest value of the next byte of that character.
    high: u8,
}

impl Utf8Validator {
    /// Checks the next piece.
    ///
    /// # Errors
    /// [`Error::BadUtf8`] if no UTF-8 text begins with the bytes so far.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Error> {
        let rest = self.continue_character(piece)?;
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            // A byte that begins no character fails there too.
            Err(error) => self.begin_character(rest.get(error.valid_up_to()..).unwrap_or_default()),
        }
    }

    /// Checks that the text ends here.
    ///
    /// # Errors
    /// [`Error::BadUtf8`] if the text ends within a character.
    pub fn finish(&self) -> Result<(), Error> {
        if self.missing == 0 { Ok(()) } else { Err(Error::BadUtf8) }
    }

    /// Checks the first bytes of a character of which some are missing.
    fn begin_character(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(()) };
        // RFC 3629 §4: the range of the second byte excludes overlong forms, surrogates, and all above
        // U+10FFFF.
        (self.missing, self.low, self.high) = match first {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(Error::BadUtf8),
        };
        self.continue_character(rest).map(|_| ())
    }

    /// Checks the bytes that the last character still needs. Returns the bytes after them.
    fn continue_character<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        while self.missing > 0
            && let Some((&byte, rest)) = bytes.split_first()
        {
            if !(self.low..=self.high).contains(&byte) {
                return Err(Error::BadUtf8);
            }
            (self.missing, self.low, self.high) = (self.missing - 1, 0x80, 0xbf);
            bytes = rest;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERESTING: &[&[u8]] = &[
        b"",
        b"plain",
        "κόσμε".as_bytes(),
        "a\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}z".as_bytes(),
        "\u{d7ff}\u{e000}\u{fffd}".as_bytes(),
        b"\xff",
        b"\x80",
        b"ok\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xe0\xa0\x80",
        b"\xed\xa0\x80",
        b"\xed\x9f\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x90\x80\x80",
        b"\xf4\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xe2\x82\xe2\x82\xac",
    ];

    /// Whether some UTF-8 text begins with `bytes`.
    fn can_begin_text(bytes: &[u8]) -> bool {
        std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
    }

    fn check(bytes: &[u8], cuts: [usize; 2]) {
        let mut validator = Utf8Validator::default();
        let mut taken = 0;
        for end in [cuts[0], cuts[1], bytes.len()] {
            let result = validator.push(&bytes[taken..end]);
            taken = end;
            assert_eq!(
                result.is_ok(),
                can_begin_text(&bytes[..taken]),
                "{bytes:02x?} up to {taken}, {cuts:?}"
            );
            if result.is_err() {
                return;
            }
        }
        assert_eq!(validator.finish().is_ok(), std::str::from_utf8(bytes).is_ok(), "{bytes:02x?} {cuts:?}");
    }

    #[test]
    fn agrees_with_the_standard_library_at_every_cut() {
        for bytes in INTERESTING {
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    check(bytes, [first, second]);
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn every_pair_of_first_bytes_is_checked_at_once() {
        for first in 0..=255 {
            for second in 0..=255 {
                check(&[first, second, 0x80, 0x80], [1, 2]);
                check(&[first, second, 0xbf, 0xbf], [1, 3]);
            }
        }
    }
}
