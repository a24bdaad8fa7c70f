//! Limits on the time that a recording may claim, and on the bytes that it lacks.

use std::fmt;

use crate::config::MAX_LEN_CEILING;
use crate::packed::PackedMoment;
use crate::recording::file::{Head, Settings};
use crate::recording::frame::Frame;
use crate::recording::note::{Decoded, Note};

/// Bytes of the head.
pub(crate) const MAX_HEAD_BYTES: usize = 1024 * 1024;
/// Bytes of a frame whose Data is not in the file: the longest message, and its headers.
pub(crate) const MAX_FRAME_BYTES: u64 = MAX_LEN_CEILING as u64 + 1024 * 1024;
/// Notes in one call.
pub(crate) const MAX_CALL_NOTES: usize = 64 * 1024;
/// The approximate most bytes that one read brings.
const MAX_READ_BYTES: u64 = 1024 * 1024;

/// A claim of a recording that is impossible, or too large for the size of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excess {
    /// The head is longer than 1 MiB.
    Head,
    /// A setting allows messages of more than 64 MiB.
    MaxLen,
    /// The time exceeds what a server can count: 34 years.
    Time,
    /// A frame, or the Data of an answer, is longer than 65 MiB.
    Frame,
    /// A message was inflated, or Data decoded, to more than 64 MiB.
    Inflated,
    /// More than 1 MiB was discarded at once.
    Discarded,
    /// One call has more than 65,536 notes.
    Call,
    /// The inflated and decoded bytes exceed 128 MiB plus 2048 bytes for each byte of the file; or more than
    /// 4 MiB were discarded before the connection began to close.
    Total,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Excess::Head => "a head of more than 1 MiB",
            Excess::MaxLen => "a setting that allows messages of more than 64 MiB",
            Excess::Time => "a time more than 34 years after the server began",
            Excess::Frame => "a frame of more than 65 MiB",
            Excess::Inflated => "a message that inflates to more than 64 MiB",
            Excess::Discarded => "more than 1 MiB thrown away at once",
            Excess::Call => "more than 65536 notes of one call",
            Excess::Total => "more bytes, inflated or thrown away, than a file of this size stands for",
        })
    }
}

impl Head {
    /// The first impossible claim in the head.
    pub(crate) fn excess(&self) -> Option<Excess> {
        let Settings { max_len, max_len_before_login, .. } = self.settings;
        let is_longer = max_len.max(max_len_before_login) > MAX_LEN_CEILING as u64;
        is_longer.then_some(Excess::MaxLen).or_else(|| time_excess(self.begin.now_ms))
    }
}

/// Whether `now_ms` exceeds what a server can count: no timer could be set after that.
pub(crate) fn time_excess(now_ms: u64) -> Option<Excess> {
    (now_ms >= PackedMoment::NEVER_MS).then_some(Excess::Time)
}

impl Note {
    /// The first impossible claim in the note.
    pub(crate) fn excess(&self) -> Option<Excess> {
        let frame = |frame: &Frame| frame.len > MAX_FRAME_BYTES;
        let (is_excess, what) = match self {
            Note::Push { frame: pushed, .. } => (frame(pushed), Excess::Frame),
            Note::Outcome { outcome } => (outcome.frames.iter().any(frame), Excess::Frame),
            Note::Answer { answer, .. } => (answer.len() > MAX_FRAME_BYTES, Excess::Frame),
            Note::Input { discarded, .. } => (*discarded > MAX_READ_BYTES, Excess::Discarded),
            other => (other.stands_for() > MAX_LEN_CEILING as u64, Excess::Inflated),
        };
        is_excess.then_some(what)
    }

    /// Inflated or decoded bytes that a replay has to make because the recording does not hold them.
    pub(crate) fn stands_for(&self) -> u64 {
        match self {
            Note::Inflated { len, error: None, .. } => *len,
            Note::Decoded { hidden: true, result: Decoded::Data { len } } => *len,
            _ => 0,
        }
    }
}
