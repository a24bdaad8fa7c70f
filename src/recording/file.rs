//! The file of a recording: its head, and its reader.

use std::fmt;

use crate::recording::excess::{Excess, MAX_HEAD_BYTES};
use crate::recording::note::Note;
use crate::recording::wire::{Bytes, Wire, wire_struct};

/// The first bytes of every recording. Transferring the file as text would change them.
pub(crate) const MAGIC: &[u8] = b"\x93sysconn\r\n";
/// The version of the format.
pub(crate) const VERSION: u8 = 4;

wire_struct! {
    /// The head of a recording, before the notes.
    struct Head {
        /// The version of the software that wrote it.
        software: String,
        /// When the connection was accepted, in milliseconds since 1970.
        accepted_unix_ms: u64,
        /// The connection's id, as the log shows it.
        id: String,
        /// The client's address.
        peer: String,
        /// The service takes plain messages instead of packets.
        messages: bool,
        /// The settings of the server.
        settings: Settings,
        /// The connection's state when the recording began.
        begin: Begin,
    }
}

wire_struct! {
    /// The settings that affect a connection. Times are in milliseconds, lengths in bytes.
    struct Settings {
        max_len: u64,
        max_len_before_login: u64,
        max_packets_per_second: u32,
        handshake_ms: u64,
        read_ms: u64,
        client_check_ms: u64,
        account_check_ms: u64,
        housekeeping_ms: u64,
        ping_ms: u64,
        close_ms: u64,
        /// Every frame counts as a sign of life, not only packets.
        frames_count: bool,
        outbox_limit: u64,
        /// Output that does not fit the outbox is dropped.
        drops: bool,
        /// Data of replies above this length is compressed; 0 for none.
        compress_above: u64,
        /// The mode of message compression: 0 off, 1 shared, 2 dedicated.
        deflate: u8,
        deflate_above: u64,
        deflate_level: u8,
        paths: Vec<String>,
        origins: Vec<String>,
        subprotocols: Vec<String>,
        subprotocol_required: bool,
        /// A drain closes only so many clients a second, and tells them when to come back.
        paces_drain: bool,
    }
}

wire_struct! {
    /// The state of a connection when its recording begins.
    struct Begin {
        /// The time at the start, and the time of the accept, both in milliseconds since the reactor began.
        now_ms: u64,
        connected_ms: u64,
        /// Whether the PROXY header is still to come.
        proxied: bool,
        /// The open connection; absent if the upgrade is still to come.
        open: Option<Opened>,
    }
}

wire_struct! {
    /// The state of a connection that is already open, between two messages.
    struct Opened {
        role_id: u64,
        kind: u8,
        recv_count: u64,
        send_count: u64,
        last_recv_count: u64,
        loop_counter: u32,
        error_send: u32,
        bad_req_count: u8,
        /// Messages may be compressed.
        deflate: bool,
        /// The server compresses each message using its earlier ones as the window.
        dedicated: bool,
        /// The client has ended its sending side.
        ended: bool,
        /// The deferred request: its number, its Cmd and its Flag.
        deferral: Option<Owed>,
        deadlines: Deadlines,
    }
}

wire_struct! {
    /// A request that will be answered later.
    struct Owed {
        seq: u64,
        cmd: u16,
        flag: u32,
    }
}

wire_struct! {
    /// When its timers are due, in milliseconds since the reactor began, and its packet rate.
    struct Deadlines {
        read_since_ms: u64,
        last_seen_ms: u64,
        pinged_ms: u64,
        client_check_ms: u64,
        account_check_ms: u64,
        housekeeping_ms: u64,
        packets_ahead_us: u64,
    }
}

/// Why a recording cannot be read, with the offset of the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file is not a recording.
    NoRecording,
    /// The version of the format is unknown.
    Version(u8),
    /// The head is malformed or incomplete.
    Head(u64),
    /// A note at this offset is malformed.
    Note(u64),
    /// The note at this offset is out of order.
    Order(u64),
    /// The note at this offset claims more than is possible.
    Excess(u64, Excess),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NoRecording => f.write_str("not a recording of sysconn (offset 0)"),
            Unreadable::Version(version) => {
                let at = MAGIC.len();
                write!(
                    f,
                    "version {version} of the format, of which only {VERSION} is read here (offset {at})"
                )
            }
            Unreadable::Head(offset) => write!(f, "the head is malformed or cut off (offset {offset})"),
            Unreadable::Note(offset) => write!(f, "malformed note (offset {offset})"),
            Unreadable::Order(offset) => write!(f, "a note out of place (offset {offset})"),
            Unreadable::Excess(offset, what) => write!(f, "it claims {what} (offset {offset})"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A recording that has been read.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) head: Head,
    /// The notes in the form of the file, all well-formed: parsed, they take many times as much memory.
    bytes: Vec<u8>,
    /// The offset of the first note.
    begin: u64,
    /// The note that ends the recording; none if the file was cut off.
    pub(crate) last: Option<Note>,
    /// The offset at which the file was cut off; none if the recording is complete.
    pub(crate) cut_at: Option<u64>,
}

/// The notes of a recording, each with its offset.
#[derive(Clone, Debug)]
pub(crate) struct Notes<'a> {
    file: &'a File,
    rest: &'a [u8],
}

impl Iterator for Notes<'_> {
    type Item = (u64, Note);

    fn next(&mut self) -> Option<(u64, Note)> {
        let at = self.file.begin + (self.file.bytes.len() - self.rest.len()) as u64;
        let body = Bytes::take(&mut self.rest)?;
        whole(&body.0).map(|note| (at, note))
    }
}

impl Head {
    /// Appends the head, after the file's first bytes and version.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        let mut body = Vec::new();
        self.put(&mut body);
        Bytes(body).put(out);
    }
}

impl File {
    /// Reads a recording. If it ends within a note, or in zeros, it was cut off, and the rest is read.
    pub(crate) fn read(bytes: &[u8]) -> Result<File, Unreadable> {
        let offset = |rest: &[u8]| (bytes.len() - rest.len()) as u64;
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Unreadable::NoRecording)?;
        match rest.split_off_first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(Unreadable::Version(other)),
            None => return Err(Unreadable::NoRecording),
        }
        let at = offset(rest);
        let body = Bytes::take(&mut rest).ok_or(Unreadable::Head(at))?;
        if body.0.len() > MAX_HEAD_BYTES {
            return Err(Unreadable::Excess(at, Excess::Head));
        }
        let head = whole(&body.0).ok_or(Unreadable::Head(at))?;
        let notes = rest;
        let file = |head, end: u64, last, cut_at| {
            let begin = offset(notes);
            let len = usize::try_from(end.saturating_sub(begin)).unwrap_or(usize::MAX);
            let bytes = notes.get(..len).unwrap_or(notes).to_vec();
            File { head, bytes, begin, last, cut_at }
        };
        // After a machine has stopped, a file system may fill a file with zeros.
        let filled_from = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1) as u64;
        loop {
            let at = offset(rest);
            let before = rest;
            let body = Bytes::take(&mut rest);
            let ends_here = match &body {
                None => is_cut(before),
                // No note is empty, and a note that ends in such zeros may be incomplete.
                Some(_) => at >= filled_from || offset(rest) > filled_from && !rest.is_empty(),
            };
            if ends_here {
                return Ok(file(head, at, None, Some(at)));
            }
            let body = body.ok_or(Unreadable::Note(at))?;
            let note: Note = whole(&body.0).ok_or(Unreadable::Note(at))?;
            if note.is_last() {
                let end = offset(rest);
                let ends = rest.is_empty();
                return if ends {
                    Ok(file(head, end, Some(note), None))
                } else {
                    Err(Unreadable::Order(end))
                };
            }
        }
    }

    /// The notes in order.
    pub(crate) fn notes(&self) -> Notes<'_> {
        Notes { file: self, rest: &self.bytes }
    }

    /// The number of bytes of all notes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Whether a length, or the bytes that it announces, may continue after the end.
fn is_cut(mut rest: &[u8]) -> bool {
    match u64::take(&mut rest) {
        Some(len) => len > rest.len() as u64 && len <= MAX_NOTE_BYTES,
        None => rest.len() < 10,
    }
}

/// The most bytes of any note: a longer one is malformed, and not cut off.
const MAX_NOTE_BYTES: u64 = 1 << 32;

/// A value that takes up all the bytes.
fn whole<T: Wire>(mut bytes: &[u8]) -> Option<T> {
    let value = T::take(&mut bytes)?;
    bytes.is_empty().then_some(value)
}
