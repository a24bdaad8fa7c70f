//! Where a recording is replayed: the connection, a clock that goes as the recorded one did, and an outbox that
//! fills as the recorded one did.

use std::sync::Arc;
use std::time::Duration;

use super::player::{Player, service};
use crate::config::{Config, DeflateMode, Liveness, Overflow};
use crate::conn::{Conn, Env, Line, Outbox, Progress};
use crate::id::ConnectionId;
use crate::mailbox::{Answer, Mailbox};
use crate::moment::Moment;
use crate::packet::{ErrorId, REPLY_HEADER_BYTES};
use crate::push::Push;
use crate::recording::file::{File, Settings, Unreadable};
use crate::recording::note::{Answered, Frame, Note};
use crate::recording::script::Script;
use crate::recording::wire::Bytes;
use crate::recording::{Recorder, Target};

/// What stands in for bytes that were not recorded is at most so long: the longest message, and its headers.
pub(super) const MAX_STAND_IN_BYTES: u64 = 65 * 1024 * 1024;
/// Of what was thrown away so much is thrown away again.
const MAX_DISCARDED_BYTES: u64 = 1024 * 1024;
/// What can have been gathered when input is handled is at most so much: more is written first.
const MAX_GATHERED_BYTES: u64 = 128 * 1024;

/// Offsets of the file with the notes there.
type Notes<'a> = &'a [(u64, Note)];

pub(super) struct Stage {
    conn: Conn,
    env: Env<Player>,
    script: Script,
    now: Moment,
    connected: Moment,
}

impl Stage {
    /// The connection as it was when the recording began.
    pub(super) fn new(file: &File) -> Result<Self, Unreadable> {
        let script = Script::default();
        let begin = &file.head.begin;
        let now = Moment::from_ms(begin.now_ms);
        let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
        let player = Player { script: script.clone() };
        let env = Env::new(&config(&file.head.settings), service(file), player, None, mailbox);
        let malformed = || Unreadable::Head(crate::recording::file::MAGIC.len() as u64 + 1);
        let mut conn = Conn::from_begin(ConnectionId::new(0, 0, 0), begin).ok_or_else(malformed)?;
        let recorder = Recorder::new(Target::Replay(script.clone()), file.head.clone(), usize::MAX);
        conn.record_with(recorder, now);
        Ok(Stage { conn, env, script, now, connected: Moment::from_ms(begin.connected_ms) })
    }

    /// Milliseconds since the connection was accepted.
    pub(super) fn now_ms(&self) -> u64 {
        self.now.since(self.connected)
    }

    /// Gives the connection what it was given in one call, and returns what it does. `more` is what was recorded
    /// behind it.
    pub(super) fn play(&mut self, call: Notes<'_>, more: Notes<'_>) -> Result<Vec<Note>, Unreadable> {
        self.script.begin_call(call.iter().map(|(_, note)| note));
        for (offset, note) in call {
            match note {
                Note::Time { ms } => self.now = Moment::from_ms(self.now.as_ms().saturating_add(*ms)),
                Note::Outbox { queued } => {
                    self.conn.outbox = Outbox::of_bytes(usize::try_from(*queued).unwrap_or(usize::MAX));
                }
                Note::Listening { ms } => {
                    let since = Moment::from_ms(self.now.as_ms().saturating_sub(*ms));
                    self.env.settings.listening_since = since;
                }
                Note::Line { unacknowledged, taken, idle } => {
                    let (unacknowledged, taken) = (*unacknowledged, *taken);
                    self.env.line = Some(Line { unacknowledged, taken, is_idle: *idle });
                }
                given if given.is_given() => {
                    self.env.tools.now = self.now;
                    self.give(given, more).ok_or(Unreadable::Order(*offset))?;
                }
                _ => {}
            }
        }
        let tools = &mut self.env.tools;
        tools.out.clear();
        tools.borrowed.clear();
        tools.effects.take();
        Ok(self.script.take_noted())
    }

    /// None: what is to be given is nothing that could have been given.
    fn give(&mut self, given: &Note, more: Notes<'_>) -> Option<()> {
        let now = self.now;
        let Stage { conn, env, .. } = self;
        match given {
            Note::Input { .. } => self.give_input(given, more),
            Note::Direct { bytes } => {
                if let Some(room) = conn.room().and_then(|room| room.get_mut(..bytes.0.len())) {
                    room.copy_from_slice(&bytes.0);
                    conn.handle_received(bytes.0.len());
                }
            }
            Note::End {} => conn.handle_end(now),
            Note::Timers {} => conn.handle_timeout(env),
            Note::Answer { seq, answer } => {
                let answer = match answer {
                    Answered::Reply { len, .. } => Answer::Reply(zeros(*len)?),
                    Answered::Refusal { error_id } => Answer::Refuse(ErrorId(*error_id)),
                };
                conn.handle_answer(*seq, answer, env);
            }
            Note::Close { reason } => conn.close(reason.cause()?, env),
            Note::Refuse { reason } => conn.refuse(reason.refusal()?, env),
            Note::Abort { reason } => conn.abort(reason.cause()?),
            Note::Push { gathered, frame } => {
                let gathered = usize::try_from(*gathered).unwrap_or(usize::MAX);
                conn.admits(&push(frame)?, gathered, env);
            }
            Note::Written {} => conn.handle_written(now, &env.settings),
            Note::Flushed {} => {
                conn.handle_flushed(now);
            }
            Note::NotTls {} => conn.handle_not_tls(env),
            _ => return None,
        }
        Some(())
    }

    /// Offers the bytes that were taken then, and those behind them that were not.
    fn give_input(&mut self, given: &Note, more: Notes<'_>) {
        let Note::Input { gathered, frames, left, draining, discarded, bytes } = given else { return };
        let mut offered = bytes.0.clone();
        let discarded = usize::try_from((*discarded).min(MAX_DISCARDED_BYTES)).unwrap_or_default();
        offered.resize(offered.len().saturating_add(discarded), 0);
        offered.extend(behind(more).take(usize::try_from(*left).unwrap_or(usize::MAX)));
        let Stage { conn, env, .. } = self;
        conn.take_inbox();
        env.input_len = offered.len();
        env.frames_left = if *left == 0 { u32::MAX } else { *frames };
        env.draining = *draining;
        let gathered = usize::try_from((*gathered).min(MAX_GATHERED_BYTES)).unwrap_or_default();
        env.tools.out.resize(gathered, 0);
        let mut rest = &mut offered[..];
        let progress = conn.handle_bytes(&mut rest, env);
        if progress == Progress::Wait {
            conn.keep(rest);
        }
    }
}

/// The client's bytes that come next.
fn behind(more: Notes<'_>) -> impl Iterator<Item = u8> {
    more.iter()
        .filter_map(|(_, note)| match note {
            Note::Input { bytes: Bytes(bytes), .. } => Some(bytes),
            _ => None,
        })
        .flatten()
        .copied()
}

/// A push of the same length.
fn push(frame: &Frame) -> Option<Push> {
    let cmd = frame.packet.as_ref().map_or(0, |packet| packet.cmd);
    Some(Push::new(cmd, &zeros(frame.len.checked_sub(REPLY_HEADER_BYTES as u64)?)?))
}

/// What stands in for so many bytes, if there could be so many.
pub(super) fn zeros(len: u64) -> Option<Vec<u8>> {
    usize::try_from(len).ok().filter(|_| len <= MAX_STAND_IN_BYTES).map(|len| vec![0; len])
}

fn config(settings: &Settings) -> Config {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Config {
        max_len: bytes(settings.max_len),
        max_len_before_login: bytes(settings.max_len_before_login),
        max_packets_per_second: settings.max_packets_per_second,
        handshake_timeout: Duration::from_millis(settings.handshake_ms),
        read_timeout: Duration::from_millis(settings.read_ms),
        client_check: Duration::from_millis(settings.client_check_ms),
        account_check: Duration::from_millis(settings.account_check_ms),
        housekeeping: Duration::from_millis(settings.housekeeping_ms),
        ping_interval: Duration::from_millis(settings.ping_ms),
        close_timeout: Duration::from_millis(settings.close_ms),
        liveness: if settings.frames_count { Liveness::Frames } else { Liveness::Packets },
        outbox_limit: bytes(settings.outbox_limit),
        overflow: if settings.drops { Overflow::Drop } else { Overflow::Close },
        deflate: match settings.deflate {
            0 => DeflateMode::Off,
            1 => DeflateMode::Shared,
            _ => DeflateMode::Dedicated,
        },
        deflate_above: bytes(settings.deflate_above),
        paths: settings.paths.clone(),
        origins: settings.origins.clone(),
        subprotocols: settings.subprotocols.clone(),
        subprotocol_required: settings.subprotocol_required,
        ..Config::default()
    }
}
