//! A limit on the memory that one input may make the library allocate.

/// The most bytes that are held at one time: twice the default MAX_LEN, since a growing buffer counts twice
/// while it is moved, and some more for small buffers.
pub const MAX_BYTES: u64 = 2 * sysconn::config::MAX_LEN as u64 + 4096;

/// Calls `run`, and checks that it never holds more than [`MAX_BYTES`] beyond what was held before.
pub fn bounded(run: impl FnOnce()) {
    let mut run = Some(run);
    let measured = allocation_counter::measure(|| {
        if let Some(run) = run.take() {
            run();
        }
    });
    assert!(measured.bytes_max <= MAX_BYTES, "{} bytes were held at once", measured.bytes_max);
}
