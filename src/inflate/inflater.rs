//! One inflater: a message at a time, slice by slice.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Fault, Format, Slice};

/// What a message of permessage-deflate ends with: the bytes that its compressor has left out (RFC 7692 §7.2.2), and
/// a final block without content. Only where the first four bring the inflater to the boundary of a block are the
/// others a block, which ends the stream at its last byte.
const END: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];
/// Bytes of that that were left out.
const TAIL_BYTES: u64 = 4;
/// Bytes that a compressor can refer back to.
const WINDOW_BYTES: usize = 32 * 1024;
/// What goes in and comes out at once, at most, in bytes.
const INPUT_BYTES: usize = 1024;
const OUTPUT_BYTES: usize = 16 * 1024;
/// What output grows by at the least, in bytes.
const STEP_BYTES: usize = 4 * 1024;

/// What things cost at worst, in nanoseconds: a byte in, a byte out, and a new beginning behind a final block, beside
/// the copy of what can be referred back to.
const INPUT_NS: usize = 60;
const OUTPUT_NS: usize = 3;
const RESTART_NS: usize = 1000;
/// Bytes that are copied in a nanosecond.
const COPIED_BYTES_PER_NS: usize = 16;
/// Nanoseconds after which a slice ends with the step that it is at: one of `INPUT_BYTES` and `OUTPUT_BYTES`.
const SLICE_NS: usize = 190_000;

/// Where an inflater is in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Within it, or at its beginning.
    Within,
    /// More may come out of what went in.
    Full,
    /// Behind a final block.
    Final,
}

/// An inflater, which holds a window of 32 KiB and a buffer of 16 KiB.
pub(crate) struct Inflater {
    inner: Decompress,
    format: Format,
    stage: Stage,
    /// What comes out at once.
    chunk: Box<[u8]>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Inflater {
            inner: Decompress::new(false),
            format: Format::Message,
            stage: Stage::Within,
            chunk: vec![0; OUTPUT_BYTES].into_boxed_slice(),
        }
    }

    /// Begins a message, whatever became of the one before. It can refer back to `window`, of at most 32 KiB.
    pub(crate) fn begin(&mut self, format: Format, window: &[u8]) {
        (self.format, self.stage) = (format, Stage::Within);
        self.inner.reset(format == Format::Zlib);
        self.refer_to(window);
    }

    /// Inflates the whole of `input`, from its first `taken` bytes on, to the end of `out`, as far as one slice
    /// goes. `window` is what it [began](Self::begin) with.
    ///
    /// # Errors
    /// [`Fault::TooLong`] as soon as there is more than `max_len`, [`Fault::Broken`].
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
            if rest.is_empty() && self.stage != Stage::Full {
                return self.end(input).map(|()| Slice::Done);
            }
            if spent_ns >= SLICE_NS {
                return Ok(Slice::Unfinished);
            }
            if self.stage == Stage::Final {
                spent_ns += RESTART_NS + self.restart(window, out)? / COPIED_BYTES_PER_NS;
            }
            let before = out.len();
            let read = self.step(rest, out, max_len)?;
            *taken += read;
            spent_ns += read * INPUT_NS + (out.len() - before) * OUTPUT_NS;
        }
    }

    /// Inflates at most `INPUT_BYTES` to at most `OUTPUT_BYTES`. How many were read.
    fn step(&mut self, rest: &[u8], out: &mut Vec<u8>, max_len: usize) -> Result<usize, Fault> {
        // One byte over the limit is enough to know that it is passed.
        let room = max_len.saturating_add(1).saturating_sub(out.len());
        let input = rest.get(..INPUT_BYTES).unwrap_or(rest);
        let chunk = self.chunk.get_mut(..room.min(OUTPUT_BYTES)).unwrap_or_default();
        let before = (self.inner.total_in(), self.inner.total_out());
        let status = self.inner.decompress(input, chunk, FlushDecompress::Sync);
        let read = usize::try_from(self.inner.total_in() - before.0).unwrap_or(usize::MAX);
        let written = usize::try_from(self.inner.total_out() - before.1).unwrap_or(usize::MAX);
        if out.capacity() - out.len() < written {
            out.reserve_exact(out.len().max(rest.len()).max(STEP_BYTES).max(written).min(room));
        }
        out.extend_from_slice(chunk.get(..written).unwrap_or_default());
        if out.len() > max_len {
            return Err(Fault::TooLong);
        }
        let was_full = self.stage == Stage::Full;
        self.stage = match status.map_err(|_| Fault::Broken)? {
            Status::StreamEnd => Stage::Final,
            Status::Ok | Status::BufError if written == chunk.len() => Stage::Full,
            Status::Ok | Status::BufError if read == 0 && written == 0 && !was_full => {
                return Err(Fault::Broken);
            }
            Status::Ok | Status::BufError => Stage::Within,
        };
        Ok(read)
    }

    /// All was taken: whether that is a whole message.
    fn end(&mut self, input: &[u8]) -> Result<(), Fault> {
        if self.stage == Stage::Final {
            return Ok(());
        }
        if self.format == Format::Zlib {
            return Err(Fault::Broken);
        }
        if input.is_empty() {
            return Ok(());
        }
        let before = self.inner.total_in();
        // Nothing is to come out.
        let status = self.inner.decompress(&END, &mut [], FlushDecompress::Sync);
        let read = self.inner.total_in() - before;
        // The block that the tail ends can be a final one itself.
        let is_whole = read == END.len() as u64 || read == TAIL_BYTES;
        if is_whole && matches!(status, Ok(Status::StreamEnd)) { Ok(()) } else { Err(Fault::Broken) }
    }

    /// Something follows behind a final block (RFC 7692 §7.2.3.4). It can refer back to all that came before it:
    /// so many bytes were copied.
    fn restart(&mut self, window: &[u8], out: &[u8]) -> Result<usize, Fault> {
        if self.format == Format::Zlib {
            return Err(Fault::Broken);
        }
        self.stage = Stage::Within;
        self.inner.reset(false);
        let window = if out.len() < WINDOW_BYTES { window } else { &[] };
        let recent = out.get(out.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default();
        self.refer_to(window);
        self.refer_to(recent);
        Ok(window.len() + recent.len())
    }

    fn refer_to(&mut self, window: &[u8]) {
        if !window.is_empty() {
            // Without a header every dictionary is the right one.
            let _ = self.inner.set_dictionary(window);
        }
    }
}
