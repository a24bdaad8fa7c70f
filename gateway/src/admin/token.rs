//! The token of the admin server: a line of a file, which is read at start and at SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use ring::hmac;
use ring::rand::SystemRandom;

use crate::options::{read, shown, warn_if_public};

/// The fewest characters of a token, so that nobody guesses it.
const MIN_BYTES: usize = 16;
/// The most.
const MAX_BYTES: usize = 255;

/// The token. It is kept as a tag under a random key, which compares in constant time and gets into no log.
pub(crate) struct AdminToken {
    path: PathBuf,
    key: hmac::Key,
    tag: RwLock<hmac::Tag>,
}

impl AdminToken {
    /// Reads the file, and warns if others than its owner's group can read it.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let text = load(path)?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| "the system has no random numbers".to_owned())?;
        let tag = RwLock::new(hmac::sign(&key, text.as_bytes()));
        Ok(AdminToken { path: path.to_owned(), key, tag })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// One line that says why it cannot be used; then the token stays as it was.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let text = load(&self.path)?;
        let tag = hmac::sign(&self.key, text.as_bytes());
        *self.tag.write().unwrap_or_else(PoisonError::into_inner) = tag;
        Ok(())
    }

    /// Whether this is the token.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        let tag = self.tag.read().unwrap_or_else(PoisonError::into_inner);
        hmac::verify(&self.key, given, tag.as_ref()).is_ok()
    }
}

fn load(path: &Path) -> Result<String, String> {
    let name = shown(path);
    let bytes = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let text = token(&bytes).map_err(|why| {
        format!("{name}: {why}: expected one line, a token of {MIN_BYTES} to {MAX_BYTES} ASCII characters")
    })?;
    warn_if_public(path, "the token");
    Ok(text)
}

/// The token in the content of the file, without the spaces and line ends around it.
fn token(content: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(content).map_err(|_| "is not UTF-8")?.trim_ascii();
    match text.len() {
        0 => return Err("is empty"),
        1..MIN_BYTES => return Err("has too short a token"),
        MIN_BYTES..=MAX_BYTES => {}
        _ => return Err("has too long a token"),
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("has spaces, line ends or other characters within the token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_and_long_enough() {
        let long = "x".repeat(256);
        for (content, expected) in [
            ("0123456789abcdef", Ok("0123456789abcdef")),
            (" 0123456789abcdef\r\n\n", Ok("0123456789abcdef")),
            ("", Err("is empty")),
            (" \n\t\r\n", Err("is empty")),
            ("0123456789abcde\n", Err("has too short a token")),
            (&long, Err("has too long a token")),
            ("0123456789 abcdef", Err("has spaces, line ends or other characters within the token")),
            ("0123456789\nabcdef", Err("has spaces, line ends or other characters within the token")),
            ("0123456789abcdef\u{e9}", Err("has spaces, line ends or other characters within the token")),
        ] {
            assert_eq!(token(content.as_bytes()), expected.map(str::to_owned), "{content:?}");
        }
        assert_eq!(token(b"0123456789abcdef\xff"), Err("is not UTF-8"));
    }
}
