//! A store in memory, which lasts until the program ends: it is there still when it is opened again.

use std::io;
use std::sync::Arc;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

/// The bytes, shared by all that open them.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<InMemoryBackend>);

impl Memory {
    pub(super) fn new() -> Self {
        Memory(Arc::new(InMemoryBackend::new()))
    }
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
