//! The buffers that all TLS sockets of a thread share. Nothing is in them between two calls, so an idle socket
//! needs none of its own.

use std::cell::RefCell;

use super::tls_records::{MAX_RECORD_BYTES, OVERHEAD_BYTES, PLAIN_BYTES};

/// The most ciphertext that one read takes from the kernel: as much as from a plain socket.
pub(super) const READ_BYTES: usize = 128 * 1024;
/// The space that a read offers at least: for the rest of a record, and more.
pub(super) const MIN_READ_BYTES: usize = MAX_RECORD_BYTES;
/// The most ciphertext of an incomplete handshake message that a socket keeps: rustls allows 64 KiB for the
/// message itself.
pub(super) const KEPT_BYTES: usize = 96 * 1024;
/// The most plaintext that is encrypted for one write: what a connection gathers before it writes, and a
/// record.
pub(super) const WRITE_BYTES: usize = 80 * 1024;
/// Records of one write: whole ones, two for each of them that pieces of any length fill on average, and one
/// for a key update.
const WRITE_RECORDS: usize = 3 * (WRITE_BYTES / PLAIN_BYTES) + 3;

pub(super) struct Buffers {
    /// What a socket has kept, and behind it what the kernel gives.
    pub(super) input: Vec<u8>,
    /// The plaintext of a record whose parts lie in several places.
    pub(super) record: Vec<u8>,
    /// Ciphertext for the kernel.
    pub(super) output: Vec<u8>,
}

impl Buffers {
    fn new() -> Self {
        Buffers {
            input: vec![0; KEPT_BYTES + MAX_RECORD_BYTES + READ_BYTES],
            record: Vec::with_capacity(PLAIN_BYTES),
            output: vec![0; WRITE_BYTES + WRITE_RECORDS * OVERHEAD_BYTES],
        }
    }
}

thread_local! {
    /// A reactor runs on one thread at a time, and its sockets with it.
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers::new());
}

/// Lends the buffers of this thread. `call` must not ask for them again.
pub(super) fn with_buffers<R>(call: impl FnOnce(&mut Buffers) -> R) -> R {
    BUFFERS.with_borrow_mut(call)
}
