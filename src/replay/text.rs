//! Formats notes as text.

use std::fmt::{self, Display, Write as _};

use crate::conn::access_of;
use crate::frame::Opcode;
use crate::recording::codes::{self, Reason};
use crate::recording::file::File;
use crate::recording::frame::Frame;
use crate::recording::note::{Answered, Decoded, Deferred, Note, Outcome, Route, Said, Stalled, Ticket};

/// The most bytes of input that a line shows.
const SHOWN_BYTES: usize = 32;

/// A note, or the absence of one.
pub(super) fn of(note: Option<&Note>) -> String {
    note.map_or("nothing".to_owned(), |note| Text(note).to_string())
}

/// Writes a line for each note, with its offset and its time.
pub(super) fn show(file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
    let head = &file.head;
    let begin = &head.begin;
    let [id, peer, software] = [&head.id, &head.peer, &head.software].map(|text| text.escape_debug());
    writeln!(out, "connection {id} of {peer}, by sysconn {software}")?;
    writeln!(out, "accepted {} ms after 1970; {:?}", head.accepted_unix_ms, head.settings)?;
    match &begin.open {
        None => writeln!(out, "from its first byte")?,
        Some(opened) => writeln!(out, "begun when it was open: {opened:?}")?,
    }
    let mut ms = begin.now_ms.saturating_sub(begin.connected_ms);
    for (offset, note) in file.notes() {
        if let Note::Time { ms: passed } = note {
            ms = ms.saturating_add(passed);
        } else {
            let indent = if note.is_given() || note.is_before() || note.is_last() { "" } else { "  " };
            writeln!(out, "{offset:>8} {ms:>9} ms  {indent}{}", Text(&note))?;
        }
    }
    match file.cut_at {
        Some(offset) => writeln!(out, "{offset:>8}  cut off"),
        None => Ok(()),
    }
}

/// So many things of this name.
pub(super) struct Count<N>(pub(super) N, pub(super) &'static str);

impl<N: Display + PartialEq + From<u8>> Display for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count(count, name) = self;
        write!(f, "{count} {name}{}", if *count == N::from(1) { "" } else { "s" })
    }
}

struct Text<'a, T>(&'a T);

impl Display for Text<'_, Note> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Note::Time { ms } => write!(f, "{ms} ms passed"),
            Note::Outbox { queued } => write!(f, "{} in the outbox", Count(*queued, "byte")),
            Note::Input { left, discarded, bytes, .. } => input(&bytes.0, *left, *discarded, f),
            Note::Direct { bytes } => write!(f, "{} of a long message came", Count(bytes.0.len(), "byte")),
            Note::End {} => f.write_str("the client is done sending"),
            Note::Timers {} => f.write_str("the timers were looked at"),
            Note::Answer { seq, answer } => write!(f, "an answer to packet {seq}: {}", Text(answer)),
            Note::Close { reason } => write!(f, "the server closes it: {}", Text(reason)),
            Note::LogIn { login } => write!(f, "the application logs role {} in", login.role_id),
            Note::LogOut {} => f.write_str("the application logs it out"),
            Note::Refuse { reason } => write!(f, "the server refuses it: {}", Text(reason)),
            Note::Abort { reason } => write!(f, "it is cut off: {}", Text(reason)),
            Note::Push { frame, .. } => write!(f, "somebody sends {}", Text(frame)),
            Note::Written {} => f.write_str("the socket took some of the outbox"),
            Note::Flushed {} => f.write_str("all was written, or waits"),
            Note::InFlight { bytes, progress } => in_flight(*bytes, *progress, f),
            Note::Compressed { frame } => write!(f, "compressed to {}", Text(frame)),
            Note::NotTls {} => f.write_str("plain HTTP came where TLS is spoken"),
            Note::Hear { reason } => write!(f, "only a health check is not refused: {}", Text(reason)),
            Note::Health { fails: false } => f.write_str("a health check, which succeeds"),
            Note::Health { fails: true } => f.write_str("a health check, which fails"),
            Note::Forwarded { client, refused } => show_forwarded(client.as_deref(), refused.as_ref(), f),
            Note::Asked { allowed: Some(true) } => f.write_str("the predicate allows it"),
            Note::Asked { allowed: Some(false) } => f.write_str("the predicate refuses it"),
            Note::Asked { allowed: None } => f.write_str("the predicate panicked"),
            Note::Verdict { refused: None } => f.write_str("the application accepts it"),
            Note::Verdict { refused: Some(reason) } => {
                write!(f, "the application refuses it: {}", Text(reason))
            }
            Note::Outcome { outcome } => Text(outcome).fmt(f),
            Note::Decoded { hidden, result } => {
                write!(f, "{}{}", Text(result), if *hidden { ", as it was recorded" } else { "" })
            }
            Note::Inflated { len, error, .. } => inflated(*len, *error, f),
            Note::Sent { frame } => write!(f, "{} goes out", Text(frame)),
            Note::Response { status, len, .. } => write!(f, "a response {status} of {}", Count(*len, "byte")),
            Note::Packet { .. } => packet(self.0, f),
            Note::Message { text, len, hash } => {
                let kind = if *text { "text" } else { "binary" };
                write!(f, "a {kind} message of {} ({})", Count(*len, "byte"), Hash(*hash))
            }
            Note::Timer { which } => write!(f, "a timer: {}", timer(*which)),
            Note::Closing { reason } | Note::Closed { reason } => {
                let code = reason.cause().and_then(|cause| cause.close_code());
                let what = if matches!(self.0, Note::Closed { .. }) { "the end" } else { "a close" };
                match code {
                    Some(code) => write!(f, "{what} {code}: {}", Text(reason)),
                    None => write!(f, "{what}: {}", Text(reason)),
                }
            }
            Note::Client { peer: Some(peer) } => write!(f, "the proxy names {}", peer.escape_debug()),
            Note::Client { peer: None } => f.write_str("the proxy names nobody"),
            Note::Overdue { ms } => write!(f, "a timer was due {ms} ms ago"),
            Note::Tickets { list } => tickets(list, f),
            Note::TooLarge { packets } => write!(f, "{} can never fit the outbox", Count(*packets, "packet")),
            Note::Stalls { list } => stalls(list, f),
            Note::Compressing {} => f.write_str("a reply is still being compressed, so the end is put off"),
            Note::Line { unacknowledged, .. } => acknowledged(*unacknowledged, f),
            Note::PeerClose { valid } => {
                let kind = if *valid { "the client's" } else { "an invalid" };
                write!(f, "{kind} Close, behind the server's")
            }
            Note::Full {} => f.write_str("the file is full"),
            Note::Stopped {} => f.write_str("the recording was switched off"),
        }
    }
}

fn packet(note: &Note, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Note::Packet { seq, cmd, flag, data_status, len, route, hash } = note else { return Ok(()) };
    let len = Count(*len, "byte");
    write!(f, "a packet {cmd} of {len} (number {seq}, flag {flag}, status {data_status}, ")?;
    write!(f, "{}, {})", Text(route), Hash(*hash))
}

fn input(bytes: &[u8], left: u64, discarded: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} came{}", Count(bytes.len(), "byte"), Shown(bytes))?;
    if left > 0 {
        write!(f, ", {left} more had to wait")?;
    }
    if discarded > 0 { write!(f, ", {discarded} more were thrown away") } else { Ok(()) }
}

fn inflated(len: u64, error: Option<u16>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        None => write!(f, "inflated to {}, none of them recorded", Count(len, "byte")),
        Some(number) => {
            let error = codes::error(number).map_or("an error", |error| error.text());
            write!(f, "not inflated: {error}")
        }
    }
}

fn acknowledged(missing: Option<u64>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match missing {
        Some(bytes) => write!(f, "{} without an acknowledgement", Count(bytes, "byte")),
        None => f.write_str("nobody knows what is acknowledged"),
    }
}

fn in_flight(bytes: u64, progress: Option<u64>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "it is silent, with {} on the way to it", Count(bytes, "byte"))?;
    progress.map_or(Ok(()), |taken| write!(f, "; it has taken {taken} since it was looked last"))
}

fn stalls(list: &[Stalled], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the server had stood still")?;
    list.iter().try_for_each(|stall| {
        let ms = stall.poll_ms.saturating_add(stall.turn_ms);
        write!(f, ", for {ms} ms until {} ms ago", stall.ago_ms)
    })
}

fn tickets(list: &[Ticket], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("deferred when the recording began:")?;
    list.iter().try_for_each(|Ticket { seq, cmd, unordered, deadline_ms, login, .. }| {
        write!(f, " packet {seq} ({cmd}")?;
        f.write_str(if *unordered { ", unordered" } else { "" })?;
        f.write_str(if *login { ", a login" } else { "" })?;
        deadline_ms.map_or(Ok(()), |at| write!(f, ", until {at} ms"))?;
        f.write_str(")")
    })
}

fn show_forwarded(client: Option<&str>, refused: Option<&Reason>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (client, refused) {
        (_, Some(reason)) => write!(f, "the headers of a proxy are refused: {}", Text(reason)),
        (Some(client), None) => write!(f, "the headers name {}", client.escape_debug()),
        (None, None) => f.write_str("the headers name nobody"),
    }
}

fn timer(which: u8) -> &'static str {
    const TIMERS: [&str; 6] =
        ["read", "client check", "account check", "housekeeping", "Ping", "the deadline of an answer"];
    TIMERS.get(usize::from(which)).copied().unwrap_or("unknown")
}

impl Display for Text<'_, Outcome> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.0;
        f.write_str(if outcome.by_application { "the handler" } else { "the gateway" })?;
        match &outcome.said {
            None | Some(Said::Done {}) => f.write_str(" is done")?,
            Some(Said::Refuse { error_id }) => write!(f, " refuses with ErrorID {error_id}")?,
            Some(Said::Undecodable {}) => f.write_str(" cannot decode it")?,
            Some(Said::Close { code }) => write!(f, " closes with {code}")?,
            Some(Said::Panicked {}) => f.write_str(" panics")?,
        }
        f.write_str(match outcome.deferred {
            Deferred::No {} => "",
            Deferred::Yes {} => ", to answer later",
            Deferred::Login {} => ", to answer and log in later",
        })?;
        match &outcome.login {
            Some(login) if login.role_id == 0 => f.write_str(", nobody is logged in")?,
            Some(login) => write!(f, ", role {} is logged in", login.role_id)?,
            None => {}
        }
        if outcome.failed > 0 {
            write!(f, ", {} without room", Count(outcome.failed, "packet"))?;
        }
        outcome.frames.iter().try_for_each(|frame| write!(f, ", sends {}", Text(frame)))
    }
}

impl Display for Text<'_, Frame> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { compressed, len, packet, hash, .. } = self.0;
        let kind = match self.0.opcode() {
            Some(Opcode::Text) => "a text frame",
            Some(Opcode::Binary) => "a binary frame",
            Some(Opcode::Close) => "a Close frame",
            Some(Opcode::Ping) => "a Ping",
            Some(Opcode::Pong) => "a Pong",
            Some(Opcode::Continuation) | None => "a frame",
        };
        match packet {
            Some(packet) if packet.error_id != 0 => {
                write!(f, "a refusal {} of {} (flag {})", packet.error_id, packet.cmd, packet.flag)
            }
            Some(packet) => {
                let data = len.saturating_sub(crate::packet::REPLY_HEADER_BYTES as u64);
                write!(f, "a packet {} of {}", packet.cmd, Count(data, "byte"))?;
                f.write_str(if self.0.is_later() { ", once they are compressed" } else { "" })?;
                write!(f, " (flag {}, {})", packet.flag, Hash(*hash))
            }
            None if self.0.is_later() => {
                write!(f, "{kind} of {}, once they are compressed", Count(*len, "byte"))
            }
            None if *compressed => write!(f, "{kind} of {}", Count(*len, "compressed byte")),
            None => write!(f, "{kind} of {} ({})", Count(*len, "byte"), Hash(*hash)),
        }
    }
}

impl Display for Text<'_, Reason> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.cause() {
            Some(cause) => cause.fmt(f),
            None => write!(f, "reason {} {}", self.0.kind, self.0.detail),
        }
    }
}

impl Display for Text<'_, Answered> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Answered::Reply { len, hash } => write!(f, "{} ({})", Count(*len, "byte"), Hash(*hash)),
            Answered::Refusal { error_id } => write!(f, "ErrorID {error_id}"),
            Answered::RefusalWithData { error_id, len, hash } => {
                write!(f, "ErrorID {error_id} with {} ({})", Count(*len, "byte"), Hash(*hash))
            }
            Answered::Login { login, len, hash } => {
                let len = Count(*len, "byte");
                write!(f, "a login with role {}, and {len} ({})", login.role_id, Hash(*hash))
            }
        }
    }
}

impl Display for Text<'_, Decoded> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Decoded::Data { len } => write!(f, "decoded to {}", Count(*len, "byte")),
            Decoded::Undecodable { offence } => match codes::offence(*offence) {
                Some(offence) => write!(f, "not decoded: {offence:?}"),
                None => write!(f, "not decoded: reason {offence}"),
            },
            Decoded::Panicked {} => f.write_str("the cipher panicked"),
        }
    }
}

impl Display for Text<'_, Route> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Route::Unknown {} => f.write_str("no route"),
            Route::Known { access, secret } | Route::Deferring { access, secret, .. } => {
                match access_of(*access, |_, ()| false) {
                    Some(access) => write!(f, "for {access:?}")?,
                    None => write!(f, "access {access}")?,
                }
                f.write_str(if *secret { ", secret" } else { "" })?;
                let Route::Deferring { unordered, deadline_ms, .. } = self.0 else { return Ok(()) };
                f.write_str(if *unordered { ", unordered" } else { "" })?;
                if *deadline_ms > 0 { write!(f, ", within {deadline_ms} ms") } else { Ok(()) }
            }
        }
    }
}

/// The text that stands for bytes that are not recorded.
struct Hash(u64);

impl Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("no hash") } else { write!(f, "hash {:016x}", self.0) }
    }
}

/// The first of some bytes.
struct Shown<'a>(&'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(": ")?;
        self.0.iter().take(SHOWN_BYTES).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if self.0.len() > SHOWN_BYTES { f.write_char('…') } else { Ok(()) }
    }
}
