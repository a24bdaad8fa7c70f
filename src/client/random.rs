//! Random bytes for keys of handshakes and masks.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Bytes that no peer can predict (RFC 6455 §10.3): SipHash under a key that the standard library takes from
/// the system, of a counter that it keeps. They are no secrets, so that this is enough.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for (index, chunk) in bytes.chunks_mut(8).enumerate() {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_usize(index);
        chunk.copy_from_slice(hasher.finish().to_ne_bytes().get(..chunk.len()).unwrap_or_default());
    }
    bytes
}
