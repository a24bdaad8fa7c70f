//! The recorder of one connection: collects notes call by call, and passes them on.

use std::fmt;

use crate::moment::Moment;
use crate::recording::file::{Begin, Head};
use crate::recording::frame::Frame;
use crate::recording::mask::Masker;
use crate::recording::note::{Login, Note, Stalled};
use crate::recording::replay_source::ReplaySource;
use crate::recording::store::Sink;
use crate::recording::wire::Bytes;

/// Bytes of notes after which they are passed on.
const CHUNK_BYTES: usize = 4 * 1024;
/// Milliseconds after which notes are passed on, even if they are few.
const CHUNK_MS: u64 = 1000;
/// Space reserved for the note that ends the recording.
const LAST_NOTE_BYTES: usize = 64;
/// Milliseconds by which a timer must be late to be noted.
pub(crate) const LATE_MS: u64 = 1000;

/// The destination of notes.
pub(crate) enum Target {
    /// To a file.
    File(Sink),
    /// To the driver of a replay, which compares them with the recording.
    Replay(ReplaySource),
}

/// Whether a recording continues after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Yes: it records the next call too.
    GoesOn,
    Ended,
}

/// Records the inputs and actions of one connection.
pub(crate) struct Recorder {
    target: Target,
    /// The head of the file; none once it has begun.
    head: Option<Box<Head>>,
    masker: Masker,
    packets: bool,
    /// Notes that have not been passed on.
    notes: Vec<u8>,
    passed_on: Moment,
    /// Bytes of all notes and the head.
    written: usize,
    limit: usize,
    /// The time of the last note.
    now: Moment,
    outbox: usize,
    /// The revision of the stalls that were last noted.
    stalls: u64,
    pub(crate) call: CallNotes,
}

/// The current call.
#[derive(Default)]
pub(crate) struct CallNotes {
    /// Notes that precede the input.
    before: Vec<Note>,
    given: Option<Note>,
    outcomes: Vec<Note>,
    /// A copy of the input, and the number of its bytes that were thrown away unread.
    pub(crate) raw: Vec<u8>,
    pub(crate) rest: usize,
    pub(crate) frames_left: u32,
    /// The number of bytes offered, and whether they can only be discarded.
    pub(crate) offered: usize,
    pub(crate) is_over: bool,
    /// The end of the part of the write buffer that has been noted.
    pub(crate) seen: usize,
    /// The current message is compressed, so its content gets no hash.
    pub(crate) is_compressed: bool,
    /// Before the handler runs: the login, and the count of packets that did not fit the outbox.
    pub(crate) login: Login,
    pub(crate) failed: u64,
}

impl CallNotes {
    /// Whether a call is being noted: a recording can begin or end within a call.
    pub(crate) fn is_begun(&self) -> bool {
        self.given.is_some()
    }
}

impl Recorder {
    /// A recorder for a connection that has not started. The file holds at most `limit` bytes.
    pub(crate) fn new(target: Target, head: Head, limit: usize) -> Self {
        let packets = !head.messages;
        Recorder {
            target,
            masker: Masker::open(packets),
            packets,
            notes: Vec::new(),
            passed_on: Moment::START,
            written: 0,
            limit: limit.saturating_sub(LAST_NOTE_BYTES),
            now: Moment::START,
            outbox: 0,
            stalls: 0,
            call: CallNotes::default(),
            head: Some(Box::new(head)),
        }
    }

    /// Whether the recording has started with the state of the connection.
    pub(crate) fn has_begun(&self) -> bool {
        self.head.is_none()
    }

    /// Begins the recording with the state of the connection.
    pub(crate) fn begin(&mut self, begin: Begin) {
        let Some(mut head) = self.head.take() else { return };
        self.now = Moment::from_ms(begin.now_ms);
        self.passed_on = self.now;
        self.masker = if begin.open.is_some() {
            Masker::open(self.packets)
        } else {
            Masker::new(begin.proxied, self.packets)
        };
        head.begin = begin;
        if let Target::File(_) = self.target {
            head.write(&mut self.notes);
            self.written = self.notes.len();
        }
    }

    /// Begins a call. The first `seen` bytes of the write buffer belong to others.
    pub(crate) fn begin_call(&mut self, given: Note, now: Option<Moment>, outbox: usize, seen: usize) {
        let call = &mut self.call;
        debug_assert!(call.given.is_none() && call.outcomes.is_empty());
        if let Some(now) = now.filter(|now| *now > self.now) {
            call.before.push(Note::Time { ms: now.since(self.now) });
            self.now = now;
        }
        if outbox != self.outbox {
            call.before.push(Note::Outbox { queued: outbox as u64 });
            self.outbox = outbox;
        }
        call.given = Some(given);
        call.seen = seen;
    }

    /// Notes the server's stalls since the connection was accepted, if there are others than before.
    pub(crate) fn note_stalls(
        &mut self,
        revision: u64,
        connected: Moment,
        list: impl FnOnce(Moment) -> Vec<Stalled>,
    ) {
        if revision == self.stalls {
            return;
        }
        self.stalls = revision;
        let mut list = list(self.now);
        // A replay has only those of its recording, which it has to note as they are.
        if let Target::File(_) = self.target {
            // No timer of the connection has begun before those that are left out.
            let age_ms = self.now.since(connected);
            list.retain(|stall| stall.ago_ms < age_ms);
            if list.is_empty() {
                return;
            }
        }
        self.note_before(Note::Stalls { list });
    }

    /// Adds a note before the input.
    pub(crate) fn note_before(&mut self, note: Note) {
        self.call.before.push(note);
    }

    /// Adds a note of a result of the call.
    pub(crate) fn note(&mut self, note: Note) {
        self.call.outcomes.push(note);
    }

    /// The recordable part of the call's input, masked. The connection handled the first `alive` bytes, and
    /// discarded the rest up to `taken`.
    pub(crate) fn mask_input(
        &mut self,
        alive: usize,
        taken: usize,
        is_secret: &dyn Fn(u16) -> bool,
    ) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.call.raw);
        let mut kept = self.masker.mask(bytes.get_mut(..alive).unwrap_or_default(), is_secret);
        if kept == alive && alive < taken {
            kept += self.masker.mask_rest(bytes.get_mut(alive..taken).unwrap_or_default());
        }
        bytes.truncate(kept);
        bytes
    }

    /// Masks the next bytes of a message.
    pub(crate) fn mask_message(&mut self, bytes: &[u8], is_secret: &dyn Fn(u16) -> bool) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let kept = self.masker.mask(&mut bytes, is_secret);
        bytes.truncate(kept);
        bytes
    }

    /// The PROXY header is over.
    pub(crate) fn begin_head(&mut self) {
        self.masker.begin_head();
    }

    /// Completes the note of the input, once it is known how many bytes were taken.
    pub(crate) fn set_input(&mut self, frames: u32, left: u64, discarded: u64, bytes: Vec<u8>) {
        if let Some(Note::Input { frames: f, left: l, discarded: d, bytes: b, .. }) = &mut self.call.given {
            (*f, *l, *d, *b) = (frames, left, discarded, Bytes(bytes));
        }
    }

    /// The frames that the connection has `sent`. `absent` lists the positions where bytes are missing, and
    /// how many; each is at the end of a frame.
    pub(crate) fn frames(
        &self,
        sent: &[u8],
        absent: impl Iterator<Item = (usize, usize)>,
        is_secret: &dyn Fn(u16) -> bool,
    ) -> Vec<Frame> {
        let (mut frames, mut absent, mut rest) = (vec![], absent.peekable(), sent);
        while let Some(span) = Frame::span(rest) {
            let end = (sent.len() - rest.len()).saturating_add(span);
            let missing = absent.next_if(|(at, _)| *at <= end).map_or(0, |(_, len)| len);
            let Some((frame, behind)) = Frame::read(rest, missing, self.packets, is_secret) else { break };
            frames.push(frame);
            rest = behind;
        }
        frames
    }

    /// Ends the call. Also ends the recording if the connection has ended or `last` is a last note.
    pub(crate) fn end_call(&mut self, last: Option<Note>) -> Recorded {
        let call = &mut self.call;
        let notes = call.before.drain(..).chain(call.given.take()).chain(call.outcomes.drain(..));
        let is_last = last.is_some();
        let Target::File(_) = &self.target else {
            if let Target::Replay(source) = &self.target {
                source.noted(notes.chain(last));
            }
            return Recorded::GoesOn;
        };
        let before = self.notes.len();
        notes.chain(last).for_each(|note| note.write(&mut self.notes));
        let added = self.notes.len() - before;
        let is_full = self.written.saturating_add(added) > self.limit;
        if is_full {
            self.notes.truncate(before);
            Note::Full {}.write(&mut self.notes);
            if let Target::File(sink) = &self.target {
                sink.tell_full();
            }
        } else {
            self.written += added;
        }
        let is_due = self.notes.len() >= CHUNK_BYTES || self.now.since(self.passed_on) >= CHUNK_MS;
        let ends = is_full || is_last;
        let goes_on = !(is_due || ends) || self.pass_on();
        if ends || !goes_on { Recorded::Ended } else { Recorded::GoesOn }
    }

    /// Passes the notes on. False if the destination accepts no more.
    fn pass_on(&mut self) -> bool {
        self.passed_on = self.now;
        let notes = std::mem::take(&mut self.notes);
        match &self.target {
            Target::File(sink) => sink.take(notes),
            Target::Replay(_) => true,
        }
    }

    /// The recording that is being replayed, if one is.
    pub(crate) fn replayed(&self) -> Option<&ReplaySource> {
        match &self.target {
            Target::Replay(source) if source.is_played() => Some(source),
            Target::Replay(_) | Target::File(_) => None,
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("written", &self.written).finish_non_exhaustive()
    }
}
