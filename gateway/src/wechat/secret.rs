//! The secret by which the platform knows this server: a line of a file, which is read at start and at
//! SIGHUP.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use crate::options::{read, shown};

/// Bytes of a secret. Those of WeChat have 32.
const MAX_BYTES: usize = 255;

/// The secret. It has no `Debug`, so that it gets into no log.
pub(super) struct Secret {
    path: PathBuf,
    text: RwLock<String>,
}

impl Secret {
    /// Reads the file.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let text = RwLock::new(load(&path)?);
        Ok(Secret { path, text })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// One line that says why it cannot be used; then the secret stays as it was.
    pub(super) fn reload(&self) -> Result<(), String> {
        let text = load(&self.path)?;
        *self.text.write().unwrap_or_else(PoisonError::into_inner) = text;
        Ok(())
    }

    pub(super) fn get(&self) -> String {
        self.text.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn load(path: &PathBuf) -> Result<String, String> {
    let bytes = read(path).map_err(|error| format!("{}: cannot be read: {error}", shown(path)))?;
    secret(&bytes).ok_or_else(|| {
        format!("{}: expected one line, a secret of 1 to {MAX_BYTES} characters without spaces", shown(path))
    })
}

/// The secret in the content of the file, without the spaces and line ends around it.
fn secret(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?.trim_ascii();
    let fits = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        for content in ["0123456789abcdef", "0123456789abcdef\n", "  0123456789abcdef\r\n\n"] {
            assert_eq!(secret(content.as_bytes()).as_deref(), Some("0123456789abcdef"), "{content:?}");
        }
        for content in ["", "\n", "two\nlines\n", "two words", "caf\u{e9}", &"x".repeat(256)] {
            assert_eq!(secret(content.as_bytes()), None, "{content:?}");
        }
        assert_eq!(secret(b"\xff"), None);
    }
}
