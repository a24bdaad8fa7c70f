//! A reply that is compressed slice by slice before it goes out.

use bytes::Bytes;

use super::leases::CompressorLease;
use crate::deflate::{self, Deflate, Window};
use crate::frame::{Header, MAX_SERVER_HEADER_BYTES, Opcode};
use crate::packet::{DataStatus, REPLY_HEADER_BYTES, Reply, ZlibStream};

/// Whether the library was built with any compression.
pub(crate) const COMPRESSES: bool = cfg!(any(feature = "zlib", feature = "deflate"));

/// The most bytes that are compressed at once. Incompressible bytes cost most, 0.2 ms.
pub(crate) const SLICE_BYTES: usize = 16 * 1024;

/// The number of bytes whose compression costs as much as a frame.
pub(crate) const COMPRESSED_BYTES_PER_FRAME: usize = 128;

/// The bytes that a short reply takes in addition to its own while it waits to be compressed; for a long one
/// they do not matter.
pub(crate) const JOB_BYTES: usize = 512;

/// The bytes before Data: space for a frame's header, and the packet's header.
const DATA_AT: usize = MAX_SERVER_HEADER_BYTES + REPLY_HEADER_BYTES;

/// The cost of compressing `bytes`, in frames.
pub(crate) fn cost_of(bytes: usize) -> u32 {
    u32::try_from(bytes / COMPRESSED_BYTES_PER_FRAME).unwrap_or(u32::MAX)
}

/// A message that is compressed before it goes out.
#[derive(Debug)]
pub(crate) struct CompressJob {
    opcode: Opcode,
    step: Step,
    /// Once its Data is compressed, a packet of at least this many bytes is also compressed as a message.
    deflate_above: usize,
    /// The message before the step, after space for its frame's header.
    plain: Vec<u8>,
    /// The number of bytes at its end that a replay does not have.
    absent: usize,
    /// The position in `plain` up to which the step has read.
    taken: usize,
    /// The compressed form so far, after the same space.
    made: Vec<u8>,
    weight: usize,
    lease: Option<CompressorLease>,
}

/// The form of compression.
#[derive(Debug)]
enum Step {
    /// The packet's Data becomes a zlib stream, if that is shorter.
    Data(Option<ZlibStream>),
    /// The whole message becomes a compressed message.
    Message(Window),
}

/// The result of a slice.
#[derive(Debug)]
pub(crate) struct Slice {
    /// The number of bytes that the slice read.
    pub(crate) taken: usize,
    /// The number of bytes that could have been compressed at level 1 meanwhile.
    pub(crate) cost: usize,
    /// The frame, if this was the last slice.
    pub(crate) frame: Option<Bytes>,
}

impl CompressJob {
    /// The bytes that count for a message of `len` bytes until it is compressed: its longest possible form
    /// and, if it is short, the cost of holding it.
    pub(super) fn weight_of(len: usize, deflates: bool) -> usize {
        let beside = if len > SLICE_BYTES { 0 } else { JOB_BYTES };
        let most = if deflates { deflate::bound(len) } else { len };
        MAX_SERVER_HEADER_BYTES.saturating_add(most).saturating_add(beside)
    }

    /// A reply whose Data is compressed first. In a replay, `absent` bytes of Data are missing.
    pub(super) fn of_data(reply: &Reply<'_>, absent: usize, deflate_above: usize) -> Self {
        let step = Step::Data(ZlibStream::new());
        CompressJob::new(Opcode::Binary, step, &[&reply.header(), reply.data], absent, deflate_above)
    }

    /// A message that consists of `parts` and, in a replay, of `absent` missing bytes.
    pub(super) fn of_message(opcode: Opcode, parts: &[&[u8]], absent: usize) -> Self {
        CompressJob::new(opcode, Step::Message(Window::default()), parts, absent, 0)
    }

    fn new(opcode: Opcode, step: Step, parts: &[&[u8]], absent: usize, deflate_above: usize) -> Self {
        let there: usize = parts.iter().map(|part| part.len()).sum();
        let len = there.saturating_add(absent);
        let mut plain = Vec::with_capacity(MAX_SERVER_HEADER_BYTES + there);
        plain.resize(MAX_SERVER_HEADER_BYTES, 0);
        parts.iter().for_each(|part| plain.extend_from_slice(part));
        let weight = CompressJob::weight_of(len, len >= deflate_above);
        let begin = step.begin();
        let made = vec![0; begin];
        CompressJob { opcode, step, deflate_above, plain, absent, taken: begin, made, weight, lease: None }
    }

    /// The bytes that count for it while it waits.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// The opcode of its frame.
    pub(crate) fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// The original message, its length, and whether all of it will be compressed, as far as that is known;
    /// if not, its Data will be.
    pub(crate) fn message(&self) -> (&[u8], usize, bool) {
        let message = self.plain.get(MAX_SERVER_HEADER_BYTES..).unwrap_or_default();
        let len = message.len().saturating_add(self.absent);
        (message, len, matches!(self.step, Step::Message(_)) || len >= self.deflate_above)
    }

    /// The number of bytes that this step still has to read.
    pub(crate) fn rest(&self) -> usize {
        self.plain.len() - self.taken
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_some()
    }

    pub(crate) fn set_lease(&mut self, lease: CompressorLease) {
        self.lease = Some(lease);
    }

    pub(crate) fn take_lease(&mut self) -> Option<CompressorLease> {
        self.lease.take()
    }

    /// Compresses the next slice, which costs at most `most` bytes (or one byte, if that costs more), and
    /// what a whole message costs beside. `deflate` is the connection's.
    pub(crate) fn go_on(&mut self, most: usize, deflate: Option<&mut Deflate>) -> Slice {
        let (effort, message_effort) = match (&self.step, &deflate) {
            (Step::Message(_), Some(deflate)) => (deflate.effort(), deflate.message_effort()),
            _ => (1, 0),
        };
        let from = self.taken;
        self.taken = from.saturating_add((most / effort).max(1)).min(self.plain.len());
        let slice = self.plain.get(from..self.taken).unwrap_or_default();
        let (taken, is_last) = (slice.len(), self.taken == self.plain.len());
        let frame = match &mut self.step {
            Step::Data(stream) => {
                let is_made =
                    stream.as_mut().is_some_and(|s| s.compress_slice(slice, is_last, &mut self.made));
                let is_shorter = self.made.len() < self.plain.len();
                if is_made && is_shorter && !is_last { None } else { self.end_data(is_made && is_shorter) }
            }
            Step::Message(window) => match deflate {
                Some(deflate) => {
                    deflate.compress_slice(window, slice, is_last, &mut self.made, MAX_SERVER_HEADER_BYTES);
                    is_last.then(|| framed(self.opcode, true, std::mem::take(&mut self.made)))
                }
                None => Some(self.as_it_is()),
            },
        };
        let beside = if frame.is_some() { message_effort } else { 0 };
        Slice { taken, cost: taken.saturating_mul(effort).saturating_add(beside), frame }
    }

    /// Ends the step for Data, which stays uncompressed if it did not become shorter.
    fn end_data(&mut self, is_shorter: bool) -> Option<Bytes> {
        let mut made = std::mem::take(&mut self.made);
        if is_shorter
            && let Ok(reply) = Reply::parse(self.plain.get(MAX_SERVER_HEADER_BYTES..).unwrap_or_default())
        {
            let data = made.get(DATA_AT..).unwrap_or_default();
            let header = Reply { data_status: DataStatus::Compressed as u8, data, ..reply }.header();
            if let Some(space) = made.get_mut(MAX_SERVER_HEADER_BYTES..DATA_AT) {
                space.copy_from_slice(&header);
            }
            self.plain = made;
        }
        if self.plain.len() - MAX_SERVER_HEADER_BYTES < self.deflate_above {
            return Some(self.as_it_is());
        }
        self.step = Step::Message(Window::default());
        self.taken = self.step.begin();
        self.made = vec![0; self.taken];
        None
    }

    fn as_it_is(&mut self) -> Bytes {
        framed(self.opcode, false, std::mem::take(&mut self.plain))
    }
}

impl Step {
    /// The start of its input in the message, which begins with space for a frame's header.
    fn begin(&self) -> usize {
        match self {
            Step::Data(_) => DATA_AT,
            Step::Message(_) => MAX_SERVER_HEADER_BYTES,
        }
    }
}

/// Puts the header before a payload that has space for it.
fn framed(opcode: Opcode, rsv1: bool, mut message: Vec<u8>) -> Bytes {
    let payload_len = (message.len() - MAX_SERVER_HEADER_BYTES) as u64;
    let header = Header { fin: true, rsv1, opcode, mask: None, payload_len }.encode();
    let begin = MAX_SERVER_HEADER_BYTES - header.len();
    if let Some(space) = message.get_mut(begin..MAX_SERVER_HEADER_BYTES) {
        space.copy_from_slice(&header);
    }
    message.shrink_to_fit();
    Bytes::from(message).split_off(begin)
}
