//! Finds where frames begin in waiting output, which may start with the response to the upgrade.

use crate::frame::{begins_pong, boundary_at_or_after};

/// The beginning of an upgrade response, which differs from every frame of a server, and the end of its head.
const RESPONSE: &[u8] = b"HTTP/";
const RESPONSE_END: &[u8] = b"\r\n\r\n";

/// The first position in `chunk`, at or after `at`, where a frame begins or the last one ends. The response
/// counts as part of the frame after it: nothing goes before it.
pub(super) fn boundary(chunk: &[u8], at: usize) -> usize {
    let response = if chunk.starts_with(RESPONSE) { response_bytes(chunk) } else { 0 };
    let frames = chunk.get(response..).unwrap_or_default();
    response + boundary_at_or_after(frames, at.saturating_sub(response))
}

/// The length in bytes of the response that `chunk` begins with.
fn response_bytes(chunk: &[u8]) -> usize {
    chunk
        .windows(RESPONSE_END.len())
        .position(|end| end == RESPONSE_END)
        .map_or(chunk.len(), |at| at + RESPONSE_END.len())
}

/// Whether there is a Pong among the frames of `segment` that do not begin before `at`.
pub(super) fn has_pong(segment: &[u8], at: usize) -> bool {
    let mut rest = segment.get(boundary(segment, at)..).unwrap_or_default();
    while let Some(first) = rest.first() {
        if begins_pong(*first) {
            return true;
        }
        rest = rest.get(boundary_at_or_after(rest, 1)..).unwrap_or_default();
    }
    false
}
