//! The buffers that all TLS sockets of a thread share. Nothing is in them between two calls, so an idle
//! socket needs none of its own.

use std::cell::RefCell;

use super::tls_records::{MAX_RECORD_BYTES, OVERHEAD_BYTES, PLAIN_BYTES};

/// The most ciphertext that one read takes from the kernel: as much as from a plain socket.
pub(super) const RECEIVE_BYTES: usize = 128 * 1024;
/// The space that a read offers at least: for the rest of a record, and more.
pub(super) const MIN_RECEIVE_BYTES: usize = MAX_RECORD_BYTES;
/// The most ciphertext that a socket keeps: of a handshake message, which rustls allows 64 KiB, and the
/// beginning of another record. In records that are not full the message has space for less.
pub(super) const MAX_PENDING_BYTES: usize = 132 * 1024;
const _: () = assert!(RECEIVE_BYTES <= MAX_PENDING_BYTES);
const _: () = assert!(4 * MAX_RECORD_BYTES + MIN_RECEIVE_BYTES <= MAX_PENDING_BYTES);
/// The most plaintext that is encrypted for one write: what a connection gathers before it writes, and a
/// record.
pub(super) const SEAL_BYTES: usize = 80 * 1024;
/// Records of one write: whole ones, two for each of them that pieces of any length fill on average, and one
/// for a key update.
const SEAL_RECORDS: usize = 3 * (SEAL_BYTES / PLAIN_BYTES) + 3;

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
            input: vec![0; MAX_PENDING_BYTES],
            record: Vec::with_capacity(PLAIN_BYTES),
            output: vec![0; SEAL_BYTES + SEAL_RECORDS * OVERHEAD_BYTES],
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
