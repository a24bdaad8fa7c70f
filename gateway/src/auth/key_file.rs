//! A file of keys, which is read at start and at SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use crate::options::{read, shown};

/// Keys, and the file that they come from.
#[derive(Debug)]
pub(super) struct KeyFile<K> {
    path: PathBuf,
    parse: fn(&[u8]) -> Result<K, String>,
    keys: RwLock<K>,
}

impl<K> KeyFile<K> {
    /// Reads the file.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn open(path: &Path, parse: fn(&[u8]) -> Result<K, String>) -> Result<Self, String> {
        let keys = RwLock::new(load(path, parse)?);
        Ok(KeyFile { path: path.to_owned(), parse, keys })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// One line that says why it cannot be used; then the keys stay as they were.
    pub(super) fn reload(&self) -> Result<(), String> {
        let keys = load(&self.path, self.parse)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Uses the keys, which do not change meanwhile.
    pub(super) fn with<T>(&self, use_keys: impl FnOnce(&K) -> T) -> T {
        use_keys(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn load<K>(path: &Path, parse: fn(&[u8]) -> Result<K, String>) -> Result<K, String> {
    let text = read(path).map_err(|error| format!("{}: cannot be read: {error}", shown(path)))?;
    parse(&text).map_err(|error| format!("{}: {error}", shown(path)))
}
