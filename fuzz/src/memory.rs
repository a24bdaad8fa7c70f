//! How much memory an input may make the library take.

/// The most that is held at any one time for any input: twice what MAX_LEN is by default, since a buffer that
/// grows is counted twice while it moves, and what is small.
pub const MAX_BYTES: u64 = 2 * sysconn::config::MAX_LEN as u64 + 4096;

/// Runs something that must never hold more than [`MAX_BYTES`] beyond what was held before.
pub fn bounded(run: impl FnOnce()) {
    let mut run = Some(run);
    let measured = allocation_counter::measure(|| {
        if let Some(run) = run.take() {
            run();
        }
    });
    assert!(measured.bytes_max <= MAX_BYTES, "{} bytes were held at once", measured.bytes_max);
}
