//! As whom a node connects to NATS.

use std::fmt;

/// A user and password, or the seed of an nkey. Not shown in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(pub(super) Secret);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    Password(String, String),
    Nkey(String),
}

/// A text has no credentials: it is not one line with `USER:PASSWORD` or the seed of a user's nkey (`SU…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsError;

/// The length of a seed in base 32, which ends in a checksum of two bytes.
const SEED_CHARS: usize = 58;

impl Credentials {
    /// Reads the text of a file: one line, `USER:PASSWORD` or the seed of a user's nkey. Lines that begin
    /// with `#`, and empty ones, do not count.
    ///
    /// # Errors [`CredentialsError`].
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(CredentialsError) };
        if line.starts_with("SU") && is_seed(line) {
            return Ok(Credentials(Secret::Nkey(line.to_owned())));
        }
        let (user, password) = line.split_once(':').ok_or(CredentialsError)?;
        if user.is_empty() || password.is_empty() {
            return Err(CredentialsError);
        }
        Ok(Credentials(Secret::Password(user.to_owned(), password.to_owned())))
    }
}

/// Whether a text is the seed of an nkey, with the right checksum.
fn is_seed(text: &str) -> bool {
    let bytes = from_base_32(text).filter(|_| text.len() == SEED_CHARS);
    bytes.is_some_and(|bytes| {
        bytes.split_last_chunk().is_some_and(|(seed, sum)| crc_16(seed) == u16::from_le_bytes(*sum))
    })
}

/// The whole bytes of a text in base 32 (RFC 4648 §6, without padding).
fn from_base_32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for char in text.bytes() {
        let value = match char {
            b'A'..=b'Z' => char - b'A',
            b'2'..=b'7' => char - b'2' + 26,
            _ => return None,
        };
        (bits, count) = (bits << 5 | u32::from(value), count + 5);
        if count >= 8 {
            count -= 8;
            // The lower 8 bits are the next byte.
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// CRC-16/XMODEM.
fn crc_16(bytes: &[u8]) -> u16 {
    let shift = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, shift))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Secret::Password(..) => "a user and password",
            Secret::Nkey(_) => "an nkey",
        })
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials are one line: USER:PASSWORD, or the seed of a user's nkey, SU...")
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_a_password_or_a_seed() {
        // A seed that was made for this test.
        let seed = "SUAGLAVZSAY7KOBEEGEUPVOT5UABHT7BON5J6UPY77O5OUNBY2KVI7DC7Q";
        let password =
            |user: &str, password: &str| Ok(Credentials(Secret::Password(user.into(), password.into())));
        for (text, expected) in [
            ("user:secret", password("user", "secret")),
            ("# for nodes\n\nuser:se:cret\n", password("user", "se:cret")),
            (seed, Ok(Credentials(Secret::Nkey(seed.to_owned())))),
            (&format!("{seed}\n"), Ok(Credentials(Secret::Nkey(seed.to_owned())))),
            (&seed.replace("AGLA", "AGAL"), Err(CredentialsError)),
            (&format!("SU{}", "A".repeat(56)), Err(CredentialsError)),
            (&format!("{seed}A"), Err(CredentialsError)),
            (&seed.replace('S', "1"), Err(CredentialsError)),
            (&seed.to_lowercase(), Err(CredentialsError)),
            (&seed[..57], Err(CredentialsError)),
            ("", Err(CredentialsError)),
            ("user", Err(CredentialsError)),
            ("user:", Err(CredentialsError)),
            (":secret", Err(CredentialsError)),
            ("a:b\nc:d", Err(CredentialsError)),
        ] {
            assert_eq!(Credentials::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_xmodem() {
        // The check value of its catalogue.
        assert_eq!(crc_16(b"123456789"), 0x31c3);
        assert_eq!(from_base_32("MZXW6YTBOI"), Some(b"foobar".to_vec()));
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credentials::parse("user:secret").unwrap());
        assert_eq!(shown, "a user and password");
    }
}
