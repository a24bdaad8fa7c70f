//! The keys that tokens are made with.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::MAC_BYTES;

/// Keys that can be known at one time.
pub const MAX_KEYS: usize = 8;
/// Bytes of the shortest key: as many as the hash has (RFC 2104 §3).
pub const MIN_KEY_BYTES: usize = 32;
/// Bytes of the longest key.
pub const MAX_KEY_BYTES: usize = 128;

/// Why a text holds no keys that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// There is no key in it.
    None,
    /// There are more than [`MAX_KEYS`].
    TooMany,
    /// What stands in this line, counted from 1, is not [`MIN_KEY_BYTES`] to [`MAX_KEY_BYTES`] in hexadecimal.
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

/// One key, made ready.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    pub(super) fn mac(&self, message: &[u8]) -> [u8; MAC_BYTES] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Whether that is the MAC of the message, in a time that does not tell how much of it is.
    pub(super) fn has_made(&self, mac: &[u8; MAC_BYTES], message: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(mac).is_ok()
    }
}

/// The keys that tokens are made with: the first makes them, and all are good for those that there are. So a key is
/// replaced by putting a new one in front, and taking the old one away when its tokens have expired.
///
/// There are at most [`MAX_KEYS`].
#[derive(Clone)]
pub struct Keys {
    first: Key,
    others: Vec<Key>,
}

impl Keys {
    /// Reads a key from each line, in hexadecimal digits of either case. Space around it, empty lines and lines
    /// that begin with `#` are ignored.
    ///
    /// # Errors
    /// [`KeysError`], for the first line that is no key.
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

/// Keys are not shown, only how many there are.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.all().count())
    }
}

fn key(hex: &[u8]) -> Option<Key> {
    let bytes = from_hex(str::from_utf8(hex).ok()?)?;
    let fits = (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len());
    fits.then(|| Hmac::new_from_slice(&bytes).ok().map(Key))?
}

/// The bytes that hexadecimal digits of either case stand for, two to a byte.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
