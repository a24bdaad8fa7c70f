//! Replays recordings: gives the recorded inputs to the same state machine under a virtual clock, and
//! compares what it does.
//!
//! The application is not needed, because the recording holds the actions of its handlers. So a difference
//! comes from this library: from how it reads frames, packets and requests, from its timers, or from its
//! output.
//!
//! ```
//! use sysconn::replay::Recording;
//!
//! # fn check(bytes: &[u8]) -> Result<(), sysconn::replay::Unreadable> {
//! let replay = Recording::read(bytes)?.replay()?;
//! println!("{replay}");
//! assert_eq!(replay.difference, None);
//! # Ok(())
//! # }
//! # assert!(check(b"no recording").is_err());
//! ```

mod absent;
mod driver;
mod recorded_codec;
mod replayer;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::iter::Peekable;

use crate::recording::excess::MAX_CALL_NOTES;
use crate::recording::file::{File, Notes};
use crate::recording::note::Note;

pub use crate::recording::excess::Excess;
pub use crate::recording::file::Unreadable;

use driver::Driver;
use text::Count;

/// A recording that has been read.
#[derive(Clone, Debug)]
pub struct Recording {
    file: File,
}

/// The result of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// Bytes that the client sent, including discarded ones.
    pub bytes: u64,
    /// Packets, or messages of a service without packets.
    pub packets: u64,
    /// The number of timers that were due.
    pub timers: u64,
    /// How the recording ends.
    pub end: End,
    /// The first difference from the recording.
    pub difference: Option<Difference>,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The connection ended.
    Closed,
    /// The recording was switched off.
    Stopped,
    /// The file was full.
    Full,
    /// It was cut off at this offset: the server did not end it.
    Cut(u64),
}

/// A difference between a recording and its replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Milliseconds since the connection was accepted.
    pub at_ms: u64,
    /// Bytes that the client had sent before the call with the difference.
    pub byte: u64,
    /// The offset of the recorded note in the file.
    pub offset: u64,
    /// The recorded note, in words.
    pub recorded: String,
    /// The replayed note, in words.
    pub now: String,
}

impl Recording {
    /// Reads a recording, including one that was cut off.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        File::read(bytes).map(|file| Recording { file })
    }

    /// Replays it up to the first difference. Each replay takes a few kilobytes for the route table that are
    /// never given back.
    ///
    /// A replay takes at most 256 MiB of memory plus 100 bytes (usually less than 3) for each byte of the
    /// file. It makes up content that the file claims but does not hold, at most 128 MiB plus 2048 bytes for
    /// each byte of the file, so its time is bounded too.
    ///
    /// # Errors
    /// [`Unreadable::Order`], [`Unreadable::Head`] or [`Unreadable::Excess`]: the file is well-formed, but no
    /// server recorded it.
    pub fn replay(&self) -> Result<Replay, Unreadable> {
        let mut driver = Driver::new(&self.file)?;
        let mut replay = Replay { bytes: 0, packets: 0, timers: 0, end: self.end(), difference: None };
        let mut notes = self.file.notes().peekable();
        while let Some(recorded) = next_call(&mut notes)? {
            let is_cut = notes.peek().is_none() && matches!(replay.end, End::Cut(_));
            let noted = driver.play(&recorded)?;
            replay.difference =
                first_difference(&recorded, &noted, is_cut).map(|(place, recorded, now)| Difference {
                    at_ms: driver.now_ms(),
                    byte: replay.bytes,
                    offset: place,
                    recorded: text::of(recorded),
                    now: text::of(now),
                });
            if replay.difference.is_some() {
                break;
            }
            recorded.iter().for_each(|(_, note)| replay.count(note));
        }
        Ok(replay)
    }

    /// Writes it as text, a line for each note.
    ///
    /// # Errors
    /// Only errors of `out`.
    pub fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        text::show(&self.file, out)
    }

    fn end(&self) -> End {
        match (&self.file.last, self.file.cut_at) {
            (Some(Note::Closed { .. }), None) => End::Closed,
            (Some(Note::Full {}), None) => End::Full,
            (Some(Note::Stopped {}), None) => End::Stopped,
            (_, cut_at) => End::Cut(cut_at.unwrap_or_default()),
        }
    }
}

/// The notes of the next call; none if there are no more. The time and similar notes precede the input, and
/// the results follow it.
fn next_call(notes: &mut Peekable<Notes<'_>>) -> Result<Option<Vec<(u64, Note)>>, Unreadable> {
    let mut call = Vec::new();
    let mut is_given = false;
    while !is_given {
        match notes.next() {
            Some((_, Note::Full {} | Note::Stopped {})) | None => return Ok(None),
            Some((offset, note)) if note.is_given() || note.is_before() => {
                is_given = note.is_given();
                push(&mut call, offset, note)?;
            }
            Some((offset, _)) => return Err(Unreadable::Order(offset)),
        }
    }
    let goes_on = |note: &Note| {
        !(note.is_given() || note.is_before() || matches!(note, Note::Full {} | Note::Stopped {}))
    };
    while let Some((offset, note)) = notes.next_if(|(_, note)| goes_on(note)) {
        push(&mut call, offset, note)?;
    }
    Ok(Some(call))
}

fn push(call: &mut Vec<(u64, Note)>, offset: u64, note: Note) -> Result<(), Unreadable> {
    if call.len() >= MAX_CALL_NOTES {
        return Err(Unreadable::Excess(offset, Excess::Call));
    }
    call.push((offset, note));
    Ok(())
}

/// The first note that differs, with its offset. The last call of a recording that was cut off may be
/// incomplete.
fn first_difference<'a>(
    recorded: &'a [(u64, Note)],
    noted: &'a [Note],
    is_cut: bool,
) -> Option<(u64, Option<&'a Note>, Option<&'a Note>)> {
    let last = recorded.last().map_or(0, |(offset, _)| *offset);
    (0..recorded.len().max(noted.len())).find_map(|at| match (recorded.get(at), noted.get(at)) {
        (Some((_, then)), Some(now)) if then.agrees(now) => None,
        (None, Some(_)) if is_cut => None,
        (Some((offset, then)), now) => Some((*offset, Some(then), now)),
        (None, now) => Some((last, None, now)),
    })
}

impl Replay {
    fn count(&mut self, note: &Note) {
        match note {
            Note::Input { bytes, discarded, .. } => {
                self.bytes = self.bytes.saturating_add(bytes.0.len() as u64).saturating_add(*discarded);
            }
            Note::Direct { bytes } => self.bytes = self.bytes.saturating_add(bytes.0.len() as u64),
            Note::Packet { .. } | Note::Message { .. } => self.packets += 1,
            Note::Timer { .. } => self.timers += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.difference {
            Some(difference) => difference.fmt(f)?,
            None => write!(
                f,
                "no difference: {}, {}, {}",
                Count(self.bytes, "byte"),
                Count(self.packets, "packet"),
                Count(self.timers, "timer")
            )?,
        }
        match self.end {
            End::Closed => Ok(()),
            End::Stopped => f.write_str("\nthe recording was switched off before the end of the connection"),
            End::Full => f.write_str("\nthe recording is full: what came then is not in it"),
            End::Cut(offset) => write!(f, "\nthe recording is cut off at offset {offset}"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { at_ms, byte, offset, recorded, now } = self;
        write!(f, "at {at_ms} ms, byte {byte}: recorded {recorded}, now {now} (offset {offset} of the file)")
    }
}
