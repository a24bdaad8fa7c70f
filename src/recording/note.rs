//! Notes, the units of a recording: one for each input or action of a connection.

use crate::mailbox::Answer;
use crate::packet::ErrorId;
use crate::record;
use crate::recording::codes::Reason;
use crate::recording::frame::{Frame, digest};
use crate::recording::wire::{Bytes, Wire, wire_enum, wire_struct};

/// The number of the timer that refuses deferred requests.
pub(crate) const ANSWER_TIMER: u8 = 5;

wire_enum! {
    /// A note. Numbers below 20 are inputs of the connection; numbers from 20 on are its results, or actions
    /// of the application. Numbers from 60 on end the recording.
    enum Note {
        /// `ms` have passed since the previous note.
        1 Time { ms: u64 },
        /// `queued` bytes wait in the outbox now.
        2 Outbox { queued: u64 },
        /// Bytes came, and these were taken. `left` more were offered and not taken; only then is `frames`,
        /// the budget, meaningful. `discarded` more were thrown away unread. `gathered` bytes of output
        /// waited to be written.
        3 Input { gathered: u64, frames: u32, left: u64, draining: bool, discarded: u64, bytes: Bytes },
        /// Bytes were read into the buffer of the current message.
        4 Direct { bytes: Bytes },
        /// The client ended its sending side.
        5 End {},
        /// The timers were checked.
        6 Timers {},
        /// The answer to a deferred request came.
        7 Answer { seq: u64, answer: Answered },
        /// The server closed the connection.
        8 Close { reason: Reason },
        /// The server refused the upgrade.
        9 Refuse { reason: Reason },
        /// The socket failed, or the server dropped the connection.
        10 Abort { reason: Reason },
        /// A packet was pushed to the connection, after `gathered` bytes of output.
        11 Push { gathered: u64, frame: Frame },
        /// The socket took some of the waiting output.
        12 Written {},
        /// All gathered output has been written, or waits in the outbox.
        13 Flushed {},
        /// The client began with plain HTTP where TLS is required.
        14 NotTls {},
        /// The client was about to be closed for its silence: the bytes on their way to it, and the bytes
        /// that it had taken since the last sample, if that sample counted.
        15 InFlight { bytes: u64, progress: Option<u64> },
        /// A reply was compressed into this frame.
        16 Compressed { frame: Frame },
        /// The server is full: the client is refused unless its request is a health check.
        17 Hear { reason: Reason },
        /// The application logged the connection in, from outside its requests.
        18 LogIn { login: Login },
        /// The application logged the connection out, from outside its requests.
        19 LogOut {},

        /// The application's answer to the upgrade: none to accept it, the refusal, or reason 8 for a panic.
        20 Verdict { refused: Option<Reason> },
        /// The actions of a handler, or of its substitute.
        21 Outcome { outcome: Outcome },
        /// Data was decoded. `hidden` means that the recording does not hold the encoded form, or only the
        /// application can decode it.
        22 Decoded { hidden: bool, result: Decoded },
        /// A compressed message, which the recording does not hold, was inflated: its length and its packet's
        /// header, or the number of the error.
        23 Inflated { len: u64, head: Bytes, error: Option<u16> },

        /// The request was a health check; says whether it failed.
        24 Health { fails: bool },
        /// The request came through a trusted HTTP proxy: the client that its headers name, or none, or the
        /// reason for a refusal.
        25 Forwarded { client: Option<String>, refused: Option<Reason> },
        /// The predicate of the route was asked: whether the client may call it, or none for a panic.
        26 Asked { allowed: Option<bool> },

        /// A packet came from the client.
        30 Packet { seq: u64, cmd: u16, flag: u32, data_status: u8, len: u64, route: Route, hash: u64 },
        /// A message came to a service without packets.
        31 Message { text: bool, len: u64, hash: u64 },
        /// A timer was due: read, client check, account check, housekeeping, Ping.
        32 Timer { which: u8 },
        /// The connection itself sent a frame.
        33 Sent { frame: Frame },
        /// The upgrade was answered.
        34 Response { status: u16, len: u64, hash: u64 },
        /// The connection began to close.
        35 Closing { reason: Reason },
        /// The PROXY header was complete, and named the client or nobody.
        36 Client { peer: Option<String> },
        /// A timer was due `ms` ago, and has not been handled.
        37 Overdue { ms: u64 },
        /// When the recording began, these requests were deferred. One that is neither unordered nor a login
        /// and has no deadline is in the head instead, if it is the only one.
        38 Tickets { list: Vec<Ticket> },
        /// The server stood still: all stalls that can move deadlines, replacing those noted before.
        39 Stalls { list: Vec<Stalled> },
        /// The handler, or its substitute, sent this many packets that could never fit the outbox.
        40 TooLarge { packets: u32 },
        /// A reply is still being compressed, which delays the end.
        44 Compressing {},
        /// The socket's report on a closing connection when its timers were checked: bytes that the client's
        /// system had not acknowledged, a count of those that it had, and whether no input was waiting to be
        /// read.
        41 Line { unacknowledged: Option<u64>, taken: u64, idle: bool },
        /// A Close of the client was among the discarded bytes, `valid` or not.
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
    /// Whether it is an input, which begins a call.
    pub(crate) fn is_given(&self) -> bool {
        (3..20).contains(&self.number())
    }

    /// Whether it precedes the input of a call.
    pub(crate) fn is_before(&self) -> bool {
        matches!(
            self,
            Note::Time { .. }
                | Note::Outbox { .. }
                | Note::Overdue { .. }
                | Note::Stalls { .. }
                | Note::Tickets { .. }
                | Note::Line { .. }
        )
    }

    /// Whether it ends the recording.
    pub(crate) fn is_last(&self) -> bool {
        self.number() >= 60
    }

    /// Appends the note in the form of the file: its length, then its content.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        self.put(&mut body);
        Bytes(body).put(out);
    }

    /// Whether the connection did the same in both. Some details are not compared: Data that a handler made,
    /// bytes that were offered and not taken, and which part of the input was masked.
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
            Note::Answer { answer, .. } => answer.hide(),
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
        /// How many milliseconds ago it ended.
        ago_ms: u64,
        /// Milliseconds in which the process did not run.
        poll_ms: u64,
        /// The part of these milliseconds that fell within turns.
        turn_ms: u64,
        /// How many milliseconds ago the first stall of a second or more ended.
        long_ago_ms: Option<u64>,
    }
}

wire_enum! {
    /// The answer to a deferred request.
    enum Answered {
        /// A reply: the length and hash of its Data.
        1 Reply { len: u64, hash: u64 },
        /// A refusal.
        2 Refusal { error_id: u16 },
        /// A refusal with Data, which its route allows.
        3 RefusalWithData { error_id: u16, len: u64, hash: u64 },
        /// A login, and a reply.
        4 Login { login: Login, len: u64, hash: u64 },
    }
}

impl Answered {
    /// An answer, with its login as `noted` has it.
    pub(crate) fn of(answer: &Answer, noted: impl FnOnce(&record::Login) -> Login) -> Self {
        match answer {
            Answer::Reply(data) => Answered::Reply { len: data.len() as u64, hash: digest(data) },
            Answer::Refuse(error_id) => Answered::Refusal { error_id: error_id.0 },
            Answer::RefuseLogin(_) => Answered::Refusal { error_id: ErrorId::LOGIN_REFUSED.0 },
            Answer::RefuseWith(error_id, data) => {
                Answered::RefusalWithData { error_id: error_id.0, len: data.len() as u64, hash: digest(data) }
            }
            Answer::Login(login, data) => {
                Answered::Login { login: noted(login), len: data.len() as u64, hash: digest(data) }
            }
        }
    }

    /// The length of its Data.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Answered::Reply { len, .. }
            | Answered::RefusalWithData { len, .. }
            | Answered::Login { len, .. } => *len,
            Answered::Refusal { .. } => 0,
        }
    }

    /// Drops the hash of its Data, which is secret.
    pub(crate) fn hide(&mut self) {
        match self {
            Answered::Reply { hash, .. }
            | Answered::RefusalWithData { hash, .. }
            | Answered::Login { hash, .. } => *hash = 0,
            Answered::Refusal { .. } => {}
        }
    }
}

wire_enum! {
    /// The result of decoding.
    enum Decoded {
        /// Data of this length.
        1 Data { len: u64 },
        /// The number of the error.
        2 Undecodable { offence: u16 },
        /// The cipher panicked.
        3 Panicked {},
    }
}

wire_enum! {
    /// The route table's entry for a command.
    enum Route {
        /// No route.
        1 Unknown {},
        /// A route: 0 for anyone, 1 for roles, 2 for monitors, 3 by a predicate; and whether its Data is
        /// secret.
        2 Known { access: u8, secret: bool },
        /// A route whose deferred requests let others pass, or have a deadline; 0 milliseconds for none.
        3 Deferring { access: u8, secret: bool, unordered: bool, deadline_ms: u64 },
    }
}

wire_enum! {
    /// The return value of a handler.
    enum Said {
        1 Done {},
        2 Refuse { error_id: u16 },
        3 Undecodable {},
        4 Close { code: u16 },
        5 Panicked {},
    }
}

wire_enum! {
    /// Whether a handler has deferred its request.
    enum Deferred {
        0 No {},
        1 Yes {},
        /// Its ticket can log the connection in.
        2 Login {},
    }
}

impl Default for Deferred {
    fn default() -> Self {
        Deferred::No {}
    }
}

wire_struct! {
    /// A deferred request.
    struct Ticket {
        seq: u64,
        cmd: u16,
        flag: u32,
        unordered: bool,
        /// When it is refused, in milliseconds since the reactor began.
        deadline_ms: Option<u64>,
        /// Its ticket can log the connection in.
        login: bool,
    }
}

wire_struct! {
    /// The actions of a handler.
    struct Outcome {
        /// Whether the application acted, and not the connection in its place.
        by_application: bool,
        said: Option<Said>,
        /// Whether the reply comes later.
        deferred: Deferred,
        /// The new login, if it has changed: the role, 0 for nobody, and the kind of client.
        login: Option<Login>,
        /// The number of packets that did not fit the outbox.
        failed: u32,
        /// Its cost in frames: for the connections that its effects concern, and for compression at once.
        cost: u32,
        /// The frames that it sent.
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
