//! An inflater, which works on one message at a time, slice by slice.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Fault, Format, Slice};

/// Appended to a permessage-deflate message: the four bytes that its compressor has left out (RFC 7692
/// §7.2.2), and an empty final block. Only if the first four end a block do the others form one, which ends
/// the stream at its last byte.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];
/// The number of bytes that the compressor has left out.
const TAIL_BYTES: u64 = 4;
/// The number of bytes that a compressor can refer back to.
const WINDOW_BYTES: usize = 32 * 1024;
/// The most bytes that go in, and come out, in one step.
const INPUT_BYTES: usize = 1024;
const OUTPUT_BYTES: usize = 16 * 1024;
/// The least number of bytes by which output grows.
const STEP_BYTES: usize = 4 * 1024;

/// Worst-case costs in nanoseconds: of an input byte, of an output byte, and of a restart after a final
/// block, without the copy of its window.
const INPUT_NS: usize = 60;
const OUTPUT_NS: usize = 3;
const RESTART_NS: usize = 1000;
/// The number of bytes that are copied in a nanosecond.
const COPIED_BYTES_PER_NS: usize = 16;
/// The time of a slice in nanoseconds; the step during which it passes is finished.
const SLICE_NS: usize = 190_000;

/// The position of an inflater in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamPosition {
    /// At the beginning of the message, or within it.
    Within,
    /// The last step filled its output: more may follow without further input.
    Full,
    /// After a final block.
    Final,
}

/// An inflater, which holds a window of 32 KiB and a buffer of 16 KiB.
pub(crate) struct Inflater {
    inner: Decompress,
    format: Format,
    position: StreamPosition,
    /// The output of one step.
    chunk: Box<[u8]>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Inflater {
            inner: Decompress::new(false),
            format: Format::Message,
            position: StreamPosition::Within,
            chunk: vec![0; OUTPUT_BYTES].into_boxed_slice(),
        }
    }

    /// Begins a message, even if the previous one is unfinished. It can refer back to `window`, at most 32
    /// KiB.
    pub(crate) fn begin(&mut self, format: Format, window: &[u8]) {
        (self.format, self.position) = (format, StreamPosition::Within);
        self.inner.reset(format == Format::Zlib);
        self.refer_to(window);
    }

    /// Inflates one slice of `input`, the whole message, of which the first `taken` bytes are done, and
    /// appends the result to `out`. `window` is the argument of [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`Fault::TooLong`] as soon as `out` is longer than `max_len`; [`Fault::Broken`] if the message is
    /// corrupt.
    pub(crate) fn slice(
        &mut self,
        input: &[u8],
        taken: &mut usize,
        out: &mut Vec<u8>,
        window: &[u8],
        max_len: usize,
    ) -> Result<Slice, Fault> {
        let mut spent_ns = 0;
        loop {
            let rest = input.get(*taken..).unwrap_or_default();
            if rest.is_empty() && self.position != StreamPosition::Full {
                return self.end(input).map(|()| Slice::Done);
            }
            if spent_ns >= SLICE_NS {
                return Ok(Slice::Unfinished);
            }
            if self.position == StreamPosition::Final {
                spent_ns += RESTART_NS + self.restart(window, out)? / COPIED_BYTES_PER_NS;
            }
            let before = out.len();
            let read = self.step(rest, out, max_len)?;
            *taken += read;
            spent_ns += read * INPUT_NS + (out.len() - before) * OUTPUT_NS;
        }
    }

    /// Inflates at most `INPUT_BYTES` to at most `OUTPUT_BYTES`. Returns the number of bytes read.
    fn step(&mut self, rest: &[u8], out: &mut Vec<u8>, max_len: usize) -> Result<usize, Fault> {
        // One byte beyond the limit shows that it is exceeded.
        let space = max_len.saturating_add(1).saturating_sub(out.len());
        let input = rest.get(..INPUT_BYTES).unwrap_or(rest);
        let chunk = self.chunk.get_mut(..space.min(OUTPUT_BYTES)).unwrap_or_default();
        let before = (self.inner.total_in(), self.inner.total_out());
        let status = self.inner.decompress(input, chunk, FlushDecompress::Sync);
        let read = usize::try_from(self.inner.total_in() - before.0).unwrap_or(usize::MAX);
        let written = usize::try_from(self.inner.total_out() - before.1).unwrap_or(usize::MAX);
        if out.capacity() - out.len() < written {
            out.reserve_exact(out.len().max(rest.len()).max(STEP_BYTES).max(written).min(space));
        }
        out.extend_from_slice(chunk.get(..written).unwrap_or_default());
        if out.len() > max_len {
            return Err(Fault::TooLong);
        }
        let was_full = self.position == StreamPosition::Full;
        self.position = match status.map_err(|_| Fault::Broken)? {
            Status::StreamEnd => StreamPosition::Final,
            Status::Ok | Status::BufError if written == chunk.len() => StreamPosition::Full,
            Status::Ok | Status::BufError if read == 0 && written == 0 && !was_full => {
                return Err(Fault::Broken);
            }
            Status::Ok | Status::BufError => StreamPosition::Within,
        };
        Ok(read)
    }

    /// Checks that the input, all of which was read, is a whole message.
    fn end(&mut self, input: &[u8]) -> Result<(), Fault> {
        if self.position == StreamPosition::Final {
            return Ok(());
        }
        if self.format == Format::Zlib {
            return Err(Fault::Broken);
        }
        if input.is_empty() {
            return Ok(());
        }
        let before = self.inner.total_in();
        // It must produce no output.
        let status = self.inner.decompress(&END, &mut [], FlushDecompress::Sync);
        let read = self.inner.total_in() - before;
        // The block that the tail completes can itself be a final one.
        let is_whole = read == END.len() as u64 || read == TAIL_BYTES;
        if is_whole && matches!(status, Ok(Status::StreamEnd)) { Ok(()) } else { Err(Fault::Broken) }
    }

    /// Restarts after a final block, since more input follows (RFC 7692 §7.2.3.4), with everything before it
    /// as the window. Returns the number of bytes copied.
    fn restart(&mut self, window: &[u8], out: &[u8]) -> Result<usize, Fault> {
        if self.format == Format::Zlib {
            return Err(Fault::Broken);
        }
        self.position = StreamPosition::Within;
        self.inner.reset(false);
        let window = if out.len() < WINDOW_BYTES { window } else { &[] };
        let recent = out.get(out.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default();
        self.refer_to(window);
        self.refer_to(recent);
        Ok(window.len() + recent.len())
    }

    /// Makes `window` available for references.
    fn refer_to(&mut self, window: &[u8]) {
        if !window.is_empty() {
            // This fails only for streams with a header, which names its dictionary.
            let _ = self.inner.set_dictionary(window);
        }
    }
}
