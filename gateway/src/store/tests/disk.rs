//! A disk in memory that fails when it is told to, and loses at a crash what was not synced.

use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use redb::StorageBackend;

use super::super::Store;
use super::super::files::{OpenError, Place, builder};
use super::super::thread::Waits;

/// The store is opened again at once.
const WAITS: Waits = Waits { first: Duration::ZERO, longest: Duration::from_micros(1) };

/// A change that was not synced.
#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(offset, data) => {
                let offset = usize::try_from(*offset).unwrap();
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[offset..offset + data.len()].copy_from_slice(data);
            }
            Change::Length(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        }
    }
}

/// How the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// One call of any kind fails, and nothing more.
    Once,
    /// Writes and syncs fail until the disk is repaired.
    Full,
    /// All calls fail.
    Dead,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    /// The failure, and the calls until it comes.
    failure: Option<(Failure, u32)>,
    /// Whether it has come.
    pub(crate) failed: bool,
    pub(crate) syncs: u32,
}

impl State {
    fn call(&mut self, changes: bool) -> io::Result<()> {
        let Some((failure, left)) = &mut self.failure else { return Ok(()) };
        if *left > 0 {
            *left -= 1;
            return Ok(());
        }
        match failure {
            Failure::Full if !changes => return Ok(()),
            Failure::Once => self.failure = None,
            Failure::Full | Failure::Dead => {}
        }
        self.failed = true;
        Err(Error::from(ErrorKind::StorageFull))
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.call(true)?;
        change.apply(&mut self.bytes);
        self.unsynced.push(change);
        Ok(())
    }
}

/// The disk, shared by all that open it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Opens a store on it.
    pub(crate) fn store(&self) -> Result<Store, String> {
        let disk = self.clone();
        let open = move || builder().create_with_backend(disk.clone()).map_err(OpenError::Database);
        Store::start(Place::with("disk".into(), open), WAITS)
    }

    /// Has it fail after some more calls.
    pub(crate) fn fail_after(&self, calls: u32, failure: Failure) {
        let mut state = self.state();
        (state.failure, state.failed) = (Some((failure, calls)), false);
    }

    pub(crate) fn repair(&self) {
        self.state().failure = None;
    }

    /// What a machine finds after a crash: what was synced, and of the rest some. `choice` says which.
    pub(crate) fn crash(&self, choice: u64) -> Disk {
        let state = self.state();
        let mut bytes = state.synced.clone();
        for (number, change) in state.unsynced.iter().enumerate() {
            if choice >> (number % 64) & 1 == 1 {
                change.apply(&mut bytes);
            }
        }
        Disk(Arc::new(Mutex::new(State { synced: bytes.clone(), bytes, ..State::default() })))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.call(false)?;
        let offset = usize::try_from(offset).unwrap();
        let bytes = state.bytes.get(offset..offset + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().change(Change::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.call(true)?;
        state.syncs += 1;
        state.unsynced.clear();
        state.synced = state.bytes.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state().change(Change::Write(offset, data.to_vec()))
    }
}
