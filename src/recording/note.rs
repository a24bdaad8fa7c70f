//! Notes, of which a recording consists: one for each input of a connection, and for each thing that it did.

use crate::mailbox::Answer;
use crate::recording::codes::Reason;
use crate::recording::frame::{Frame, digest};
use crate::recording::wire::{Bytes, Wire, wire_enum, wire_struct};

wire_enum! {
    /// A note. Numbers below 20 are inputs of the connection; higher ones are results, or actions of the
    /// application. From 60 on they end the recording.
    enum Note {
        /// `ms` have passed since the note before.
        1 Time { ms: u64 },
        /// `queued` bytes wait in the outbox now.
        2 Outbox { queued: u64 },
        /// Bytes came, and these were taken. `left` more were offered and not taken; only then `frames`, the
        /// budget, means anything. `discarded` more were thrown away unread. `gathered` bytes of output
        /// waited to be written.
        3 Input { gathered: u64, frames: u32, left: u64, draining: bool, discarded: u64, bytes: Bytes },
        /// Bytes were read into the buffer of the message in hand.
        4 Direct { bytes: Bytes },
        /// The client is done sending.
        5 End {},
        /// The timers were looked at.
        6 Timers {},
        /// The answer to a deferred request came.
        7 Answer { seq: u64, answer: Answered },
        /// The server closed it.
        8 Close { reason: Reason },
        /// The server refused it.
        9 Refuse { reason: Reason },
        /// Its socket failed, or the server dropped it.
        10 Abort { reason: Reason },
        /// A packet was pushed to it, behind `gathered` bytes of output.
        11 Push { gathered: u64, frame: Frame },
        /// The socket took some of the output that waited.
        12 Written {},
        /// All that was gathered has been written, or waits in the outbox.
        13 Flushed {},
        /// The client began with plain HTTP where TLS is spoken.
        14 NotTls {},
        /// It was about to be closed for its silence: bytes that were on their way to it, and bytes that it
        /// had taken since the last sample, if that counted.
        15 InFlight { bytes: u64, progress: Option<u64> },
        /// A reply was compressed to this frame.
        16 Compressed { frame: Frame },
        /// The server is full: it is refused unless its request is a health check.
        17 Hear { reason: Reason },

        /// The application's answer to the upgrade: none, the refusal, or reason 8 for a panic.
        20 Verdict { refused: Option<Reason> },
        /// The actions of a handler, or of the built-in answer that replaced it.
        21 Outcome { outcome: Outcome },
        /// Data was decoded. `hidden`: the recording does not hold the encoded form, or only the application
        /// can decode it.
        22 Decoded { hidden: bool, result: Decoded },
        /// A compressed message was inflated, which the recording does not hold: its length and its packet's
        /// header, or the number of the error.
        23 Inflated { len: u64, head: Bytes, error: Option<u16> },

        /// The request was a health check, and whether it failed.
        24 Health { fails: bool },
        /// It came through a trusted HTTP proxy: the client that its headers name, or none, or why it is
        /// refused.
        25 Forwarded { client: Option<String>, refused: Option<Reason> },

        /// A packet came.
        30 Packet { seq: u64, cmd: u16, flag: u32, data_status: u8, len: u64, route: Route, hash: u64 },
        /// A message came, where there are no packets.
        31 Message { text: bool, len: u64, hash: u64 },
        /// A timer was due: read, client check, account check, housekeeping, Ping.
        32 Timer { which: u8 },
        /// The connection itself sent a frame.
        33 Sent { frame: Frame },
        /// The upgrade was answered.
        34 Response { status: u16, len: u64, hash: u64 },
        /// The connection began to close.
        35 Closing { reason: Reason },
        /// The PROXY header was read; it may name the client.
        36 Client { peer: Option<String> },
        /// A timer was due `ms` ago, and has not been looked at.
        37 Overdue { ms: u64 },
        /// The server has stood still: all stalls that can move deadlines, in place of those noted before.
        39 Stalls { list: Vec<Stalled> },
        /// A reply is still being compressed, which delays the end.
        44 Compressing {},
        /// The socket's report on a connection that closes, when its timers were looked at: bytes that the
        /// client's system had not acknowledged, a count of those that it had, and whether no input lay
        /// unread.
        41 Line { unacknowledged: Option<u64>, taken: u64, idle: bool },
        /// A Close of the client's was among the bytes that were thrown away, `valid` or not.
        42 PeerClose { valid: bool },

        /// The connection ended.
        60 Closed { reason: Reason },
        /// The file was full.
        61 Full {},
        /// The recording was switched off.
        62 Stopped {},
    }
}

impl Note {
    /// Whether it is an input, with which a call begins.
    pub(crate) fn is_given(&self) -> bool {
        (3..20).contains(&self.number())
    }

    /// Whether it stands in front of the input of a call.
    pub(crate) fn is_before(&self) -> bool {
        matches!(
            self,
            Note::Time { .. }
                | Note::Outbox { .. }
                | Note::Overdue { .. }
                | Note::Stalls { .. }
                | Note::Line { .. }
        )
    }

    /// Whether the recording ends with it.
    pub(crate) fn is_last(&self) -> bool {
        self.number() >= 60
    }

    /// Appends it in the form of the file: its length, and itself.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        self.put(&mut body);
        Bytes(body).put(out);
    }

    /// Whether the connection did the same in both. Some details are not compared: Data that a handler made,
    /// bytes that were offered and not taken, and what of them was masked.
    pub(crate) fn agrees(&self, other: &Note) -> bool {
        self.comparable() == other.comparable()
    }

    fn comparable(&self) -> Note {
        let mut note = self.clone();
        match &mut note {
            Note::Input { left, frames, discarded, bytes, .. } => {
                (*left, *frames) = (0, 0);
                *discarded = discarded.saturating_add(bytes.0.len() as u64);
                bytes.0.clear();
            }
            Note::Answer { answer: Answered::Reply { hash, .. }, .. } => *hash = 0,
            Note::Push { frame, .. } | Note::Sent { frame } | Note::Compressed { frame } => {
                frame.forget_data()
            }
            Note::Outcome { outcome } => outcome.frames.iter_mut().for_each(Frame::forget_data),
            _ => {}
        }
        note
    }
}

wire_struct! {
    /// A stall, or several in a row.
    struct Stalled {
        /// How many milliseconds ago it was over.
        ago_ms: u64,
        /// Milliseconds in which the process did not run.
        poll_ms: u64,
        /// Milliseconds of it within turns.
        turn_ms: u64,
        /// How many milliseconds ago the first one of a second or more was over.
        long_ago_ms: Option<u64>,
    }
}

wire_enum! {
    /// The answer to a deferred request.
    enum Answered {
        /// A reply with Data of that length and hash.
        1 Reply { len: u64, hash: u64 },
        /// A refusal.
        2 Refusal { error_id: u16 },
    }
}

impl Answered {
    pub(crate) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Reply(data) => Answered::Reply { len: data.len() as u64, hash: digest(data) },
            Answer::Refuse(error_id) => Answered::Refusal { error_id: error_id.0 },
        }
    }
}

wire_enum! {
    /// The result of decoding.
    enum Decoded {
        /// Data of that length.
        1 Data { len: u64 },
        /// The number of the error.
        2 Undecodable { offence: u16 },
        /// The cipher panicked.
        3 Panicked {},
    }
}

wire_enum! {
    /// The entry of the route table for a command.
    enum Route {
        /// Nothing.
        1 Unknown {},
        /// A route: 0 for anyone, 1 for roles, 2 for monitors; and whether its Data is secret.
        2 Known { access: u8, secret: bool },
    }
}

wire_enum! {
    /// The outcome that a handler returned.
    enum Said {
        1 Done {},
        2 Refuse { error_id: u16 },
        3 Undecodable {},
        4 Close { code: u16 },
        5 Panicked {},
    }
}

wire_struct! {
    /// The actions of a handler.
    struct Outcome {
        /// The application did it, not the connection in its place.
        by_application: bool,
        said: Option<Said>,
        /// The reply comes later.
        deferred: bool,
        /// Who is logged in now, if that has changed: the role, 0 for nobody, and the kind of client.
        login: Option<Login>,
        /// Packets that did not fit the outbox.
        failed: u32,
        /// Its cost in frames: connections that its effects concern, and output that was compressed at once.
        cost: u32,
        /// Its output.
        frames: Vec<Frame>,
    }
}

wire_struct! {
    /// A role, and the kind of client: 0 a tester, 1 a game server, 2 a monitor.
    struct Login {
        role_id: u64,
        kind: u8,
    }
}
