//! The file of login keys, which is read at start and at SIGHUP.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use sysconn::Login;
use sysconn::token::{Keys, TokenError};

use crate::options::{read, shown};

/// The keys that sign logins, shared by all workers.
#[derive(Debug)]
pub(crate) struct TokenKeys {
    path: PathBuf,
    keys: RwLock<Keys>,
}

impl TokenKeys {
    /// Reads the file.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let keys = RwLock::new(load(&path)?);
        Ok(TokenKeys { path, keys })
    }

    /// Reads the file again. Clients that are logged in stay so.
    ///
    /// # Errors
    /// One line that says why it cannot be used; then the keys stay as they were.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let keys = load(&self.path)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Checks that the token is valid for that login. `now` is Unix time in seconds.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(crate) fn verify(&self, token: &str, login: &Login, now: u64) -> Result<(), TokenError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.verify(token, login, now).map(drop)
    }
}

fn load(path: &PathBuf) -> Result<Keys, String> {
    let text = read(path).map_err(|error| format!("{}: cannot be read: {error}", shown(path)))?;
    Keys::from_text(&text).map_err(|error| format!("{}: {error}", shown(path)))
}
