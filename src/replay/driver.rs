//! Drives a replay: gives the connection its recorded inputs, with a clock and an outbox that follow the
//! recording.

use std::sync::Arc;
use std::time::Duration;

use super::absent::{Budget, zeros};
use super::recorded_codec::Recorded;
use super::replayer::{Replayer, service};
use crate::config::{Config, DeflateMode, Liveness, Overflow};
use crate::conn::{Conn, Draining, Env, Outbox, SocketReport, login_of};
use crate::id::ConnectionId;
use crate::mailbox::Mailbox;
use crate::moment::Moment;
use crate::packet::{Codecs, ErrorId, REPLY_HEADER_BYTES, Reply, push_packet_head};
use crate::recording::excess::{self, Excess};
use crate::recording::file::{File, Settings, Unreadable};
use crate::recording::frame::Frame;
use crate::recording::note::Note;
use crate::recording::wire::Bytes;
use crate::recording::{Recorder, ReplaySource, Target};
use crate::router::{Compressor, RecordedMessage};

/// How many of the bytes that were offered but not taken are offered again: only the header of the next frame
/// is read, unless the replay differs.
const OFFERED_BYTES: usize = 256;

/// Notes with their offsets in the file.
type Notes<'a> = &'a [(u64, Note)];

pub(super) struct Driver {
    conn: Conn,
    env: Env<Replayer>,
    source: ReplaySource,
    now: Moment,
    connected: Moment,
    /// The client's bytes of all inputs, and the start of those not given yet.
    input: Vec<u8>,
    next_input: usize,
    /// Zeros, for a closing connection to discard.
    thrown_away: Vec<u8>,
    inflated: Budget,
    discarded: Budget,
}

/// Why a note can't be given to the connection.
enum Fault {
    /// The note is not an input.
    Order,
    Excess(Excess),
}

impl From<Excess> for Fault {
    fn from(excess: Excess) -> Self {
        Fault::Excess(excess)
    }
}

impl Driver {
    /// A driver, with the connection as it was when the recording began.
    pub(super) fn new(file: &File) -> Result<Self, Unreadable> {
        let head_at = crate::recording::file::MAGIC.len() as u64 + 1;
        if let Some(excess) = file.head.excess() {
            return Err(Unreadable::Excess(head_at, excess));
        }
        let source = ReplaySource::default();
        let begin = &file.head.begin;
        let now = Moment::from_ms(begin.now_ms);
        let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
        let replayer = Replayer { source: source.clone() };
        let mut env = Env::new(&config(&file.head.settings), service(file), replayer, None, mailbox);
        env.tools.log.silence();
        env.tools.codecs = Codecs::recorded(Box::new(Recorded(source.clone())));
        let of_source = source.clone();
        env.tools.compressor = Compressor::Recorded(Box::new(move || {
            of_source.message().map(|(len, cost)| RecordedMessage { len, cost })
        }));
        env.replay(&source);
        let conn = Conn::from_begin(ConnectionId::new(0, 0, 0), begin, file.head.settings.deflate_level);
        let mut conn = conn.ok_or(Unreadable::Head(head_at))?;
        let recorder = Recorder::new(Target::Replay(source.clone()), file.head.clone(), usize::MAX);
        conn.record_with(recorder, now);
        env.tools.sessions.put(conn.record.id, source.clone());
        Ok(Driver {
            conn,
            env,
            source,
            now,
            connected: Moment::from_ms(begin.connected_ms),
            input: input(file),
            next_input: 0,
            thrown_away: Vec::new(),
            inflated: Budget::inflated(file.len()),
            discarded: Budget::discarded(),
        })
    }

    /// Milliseconds since the connection was accepted.
    pub(super) fn now_ms(&self) -> u64 {
        self.now.since(self.connected)
    }

    /// Replays one call, and returns the connection's new notes.
    pub(super) fn play(&mut self, call: Notes<'_>) -> Result<Vec<Note>, Unreadable> {
        for (offset, note) in call {
            let made = note.excess().map_or_else(|| self.inflated.take(note.stands_for()), Err);
            made.map_err(|excess| Unreadable::Excess(*offset, excess))?;
        }
        self.source.begin_call(call.iter().map(|(_, note)| note));
        for (offset, note) in call {
            match note {
                Note::Time { ms } => {
                    self.now = Moment::from_ms(self.now.as_ms().saturating_add(*ms));
                    if let Some(excess) = excess::time_excess(self.now.as_ms()) {
                        return Err(Unreadable::Excess(*offset, excess));
                    }
                }
                Note::Outbox { queued } => {
                    self.conn.outbox = Outbox::of_bytes(usize::try_from(*queued).unwrap_or(usize::MAX));
                }
                Note::Stalls { list } => self.env.settings.set_stalls(list, self.now),
                Note::Line { unacknowledged, taken, idle } => {
                    let (unacknowledged, taken) = (*unacknowledged, *taken);
                    self.env.socket_report = Some(SocketReport { unacknowledged, taken, is_idle: *idle });
                }
                Note::Tickets { list } => {
                    let is_restored = self.conn.restore_tickets(list, &self.source);
                    is_restored.then_some(()).ok_or(Unreadable::Order(*offset))?;
                }
                given if given.is_given() => {
                    self.env.tools.now = self.now;
                    self.give(given).map_err(|fault| match fault {
                        Fault::Order => Unreadable::Order(*offset),
                        Fault::Excess(excess) => Unreadable::Excess(*offset, excess),
                    })?;
                }
                _ => {}
            }
        }
        let tools = &mut self.env.tools;
        tools.write_buffer.bytes.clear();
        tools.write_buffer.borrowed.clear();
        tools.effects.take();
        Ok(self.source.take_noted())
    }

    fn give(&mut self, given: &Note) -> Result<(), Fault> {
        let now = self.now;
        let Driver { conn, env, .. } = self;
        match given {
            Note::Input { .. } => return self.give_input(given),
            Note::Direct { bytes } => conn.replay_received(&bytes.0),
            Note::End {} => conn.handle_end(now),
            Note::Timers {} => conn.handle_timeout(env),
            Note::Answer { seq, answer } => {
                conn.replay_answer(*seq, answer, zeros(answer.len()).ok_or(Excess::Frame)?, env);
            }
            Note::Close { reason } => conn.close(reason.cause().ok_or(Fault::Order)?, env),
            Note::LogIn { login } => conn.log_in(&login_of(login), env),
            Note::LogOut {} => conn.log_out(env),
            Note::Refuse { reason } => conn.refuse(reason.refusal().ok_or(Fault::Order)?, env),
            Note::Hear { reason } => conn.hear(reason.refusal().ok_or(Fault::Order)?, now),
            Note::Abort { reason } => conn.abort(reason.cause().ok_or(Fault::Order)?),
            Note::Push { gathered, frame } => {
                let (frame, len) = push(frame, env.has_packets()).ok_or(Fault::Order)?;
                conn.replay_push(frame, len, usize::try_from(*gathered).unwrap_or(usize::MAX), env);
            }
            Note::Written {} => conn.handle_written(0, now, &env.settings),
            Note::Flushed {} => {
                conn.handle_flushed(now);
            }
            Note::NotTls {} => conn.handle_not_tls(env),
            Note::InFlight { bytes, progress } => {
                env.tools.now = now;
                conn.handle_progress(*bytes, *progress, env);
            }
            Note::Compressed { frame } => conn.replay_compressed(frame.clone(), env),
            _ => return Err(Fault::Order),
        }
        Ok(())
    }

    /// Offers the bytes that were taken, and the first of the following bytes that were not.
    fn give_input(&mut self, given: &Note) -> Result<(), Fault> {
        let Note::Input { gathered, frames, left, draining, discarded, bytes } = given else { return Ok(()) };
        self.next_input = self.next_input.saturating_add(bytes.0.len());
        let behind = self.input.get(self.next_input..).unwrap_or_default();
        let offered_more = usize::try_from(*left).unwrap_or(usize::MAX).min(OFFERED_BYTES);
        let behind = behind.get(..offered_more).unwrap_or(behind);
        let discarded = usize::try_from(*discarded).map_err(|_| Excess::Discarded)?;
        let Driver { conn, env, .. } = self;
        conn.take_inbox();
        let mut parsed;
        let offered = if conn.is_over() {
            // They are neither read nor changed.
            let len = bytes.0.len().saturating_add(discarded);
            if self.thrown_away.len() < len {
                self.thrown_away.resize(len, 0);
            }
            self.thrown_away.get_mut(..len).unwrap_or_default()
        } else {
            self.discarded.take(discarded as u64)?;
            parsed = bytes.0.clone();
            parsed.resize(parsed.len().saturating_add(discarded), 0);
            parsed.extend_from_slice(behind);
            // The file lacks bytes that were never taken.
            parsed.resize(parsed.len().saturating_add(offered_more - behind.len()), 0);
            &mut parsed[..]
        };
        env.input_len = offered.len();
        env.frames_left = if *left == 0 { u32::MAX } else { *frames };
        env.draining = if *draining { Draining::Begun } else { Draining::No };
        env.tools.write_buffer.borrowed.count_absent(usize::try_from(*gathered).unwrap_or(usize::MAX));
        let mut rest = offered;
        conn.handle_bytes(&mut rest, env);
        conn.keep(rest);
        Ok(())
    }
}

/// The client's bytes, except those that were read into a message's own buffer.
fn input(file: &File) -> Vec<u8> {
    let bytes = |note| match note {
        Note::Input { bytes: Bytes(bytes), .. } => bytes,
        _ => Vec::new(),
    };
    file.notes().flat_map(|(_, note)| bytes(note)).collect()
}

/// A push of the same length, and its bytes including headers.
fn push(recorded: &Frame, packets: bool) -> Option<(Frame, usize)> {
    let cmd = recorded.packet.as_ref().map_or(0, |packet| packet.cmd);
    let data = zeros(recorded.len.checked_sub(REPLY_HEADER_BYTES as u64)?)?;
    let mut head = Vec::new();
    push_packet_head(
        &mut head,
        &Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd, data },
        data.len(),
    );
    let (frame, _) = Frame::read(&head, data.len(), packets, &|_| false)?;
    Some((frame, head.len().saturating_add(data.len())))
}

/// The configuration of a recording, where 0 means off.
fn config(settings: &Settings) -> Config {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let limit = |limit: u64| (limit != 0).then(|| bytes(limit));
    let timer = |ms: u64| (ms != 0).then(|| Duration::from_millis(ms));
    let mut config = Config::default();

    config.limits.max_len = bytes(settings.max_len);
    config.limits.max_len_before_login = limit(settings.max_len_before_login);
    config.limits.max_packets_per_second =
        (settings.max_packets_per_second != 0).then_some(settings.max_packets_per_second);

    config.timers.handshake = timer(settings.handshake_ms);
    config.timers.read = timer(settings.read_ms);
    config.timers.client_check = timer(settings.client_check_ms);
    config.timers.account_check = timer(settings.account_check_ms);
    config.timers.housekeeping = timer(settings.housekeeping_ms);
    config.timers.ping_interval = timer(settings.ping_ms);
    // A server records no 0; with one, the socket of a client that is gone would be kept.
    config.timers.close = Duration::from_millis(settings.close_ms.max(1));
    config.timers.liveness = if settings.frames_count { Liveness::Frames } else { Liveness::Packets };

    config.output.outbox_limit = limit(settings.outbox_limit);
    config.output.compress_above = limit(settings.compress_above);
    config.output.overflow = if settings.drops { Overflow::Drop } else { Overflow::Close };
    config.output.deflate = match settings.deflate {
        0 => DeflateMode::Off,
        1 => DeflateMode::Shared,
        _ => DeflateMode::Dedicated,
    };
    config.output.deflate_above = bytes(settings.deflate_above);
    config.output.deflate_level = settings.deflate_level;

    config.upgrade.paths = settings.paths.clone();
    config.upgrade.origins = settings.origins.clone();
    config.upgrade.subprotocols = settings.subprotocols.clone();
    config.upgrade.subprotocol_required = settings.subprotocol_required;

    config.drain.rate = settings.paces_drain.then_some(1);
    config
}
