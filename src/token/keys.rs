//! The keys with which tokens are signed.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::MAC_BYTES;

/// The most keys in [`Keys`].
pub const MAX_KEYS: usize = 8;
/// The length of the shortest key, in bytes: that of the hash (RFC 2104 §3).
pub const MIN_KEY_BYTES: usize = 32;
/// The length of the longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 128;

/// Why keys cannot be read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// It contains no key.
    None,
    /// It contains more than [`MAX_KEYS`].
    TooMany,
    /// This line, counted from 1, is not [`MIN_KEY_BYTES`] to [`MAX_KEY_BYTES`] bytes in hexadecimal.
    Line(usize),
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeysError::None => f.write_str("no key"),
            KeysError::TooMany => write!(f, "more than {MAX_KEYS} keys"),
            KeysError::Line(line) => write!(
                f,
                "line {line}: expected a key, an even number of hexadecimal digits, {} to {}",
                2 * MIN_KEY_BYTES,
                2 * MAX_KEY_BYTES
            ),
        }
    }
}

impl std::error::Error for KeysError {}

/// A key with its HMAC state.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// The MAC of a message.
    pub(super) fn mac(&self, message: &[u8]) -> [u8; MAC_BYTES] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Whether `mac` is the MAC of a message, compared in constant time.
    pub(super) fn has_made(&self, mac: &[u8; MAC_BYTES], message: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(mac).is_ok()
    }
}

/// The keys with which tokens are signed: 1 to [`MAX_KEYS`].
///
/// The first key signs, and all keys verify. To replace a key, put the new one first, and remove the old one
/// when its tokens have expired.
#[derive(Clone)]
pub struct Keys {
    first: Key,
    others: Vec<Key>,
}

impl Keys {
    /// Reads one key per line, in hexadecimal digits of either case.
    ///
    /// White space around a key, empty lines, and lines that begin with `#` are ignored.
    ///
    /// # Errors
    /// [`KeysError`]: the first line that is not a key, or a wrong number of keys.
    pub fn from_text(text: &[u8]) -> Result<Keys, KeysError> {
        let mut keys = Vec::new();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            keys.push(key(line).ok_or(KeysError::Line(index + 1))?);
            if keys.len() > MAX_KEYS {
                return Err(KeysError::TooMany);
            }
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeysError::None)?;
        Ok(Keys { first, others: keys.collect() })
    }

    pub(super) fn first(&self) -> &Key {
        &self.first
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Shows the number of keys only.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.all().count())
    }
}

/// The key in a line.
fn key(hex: &[u8]) -> Option<Key> {
    let bytes = from_hex(str::from_utf8(hex).ok()?)?;
    let fits = (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len());
    fits.then(|| Hmac::new_from_slice(&bytes).ok().map(Key))?
}

/// Decodes hexadecimal digits of either case.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
