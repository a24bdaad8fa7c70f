//! Notes the handling of a message: the packet, its decoding, and the handler's actions.

use std::time::Duration;

use super::dispatch::{By, Dispatch, Hex, log_frames};
use super::env::Env;
use super::noted_login::number_of_client_kind;
use super::outbox::Outbox;
use super::packets::call_predicate;
use crate::cause::Cause;
use crate::connection_log;
use crate::frame;
use crate::metrics::Work;
use crate::packet::{self, DataStatus, REQUEST_HEADER_BYTES, Reply, Undecodable};
use crate::recording::frame::{Frame, LATER, PacketHead, digest};
use crate::recording::note::{self, Decoded, Note, Said};
use crate::recording::wire::Bytes;
use crate::recording::{Recorder, codes};
use crate::router::{Access, Application, CompressJob, Outcome, Predicate, Route, Tools, WriteBuffer};

/// Notes the frames that the connection has put into the write buffer since the last call.
pub(super) fn note_sent<S: Application>(recorder: &mut Recorder, env: &Env<S>) {
    let (from, to) = (recorder.call.seen, env.tools.write_buffer.bytes.len());
    recorder.call.seen = to;
    let sent = env.tools.write_buffer.bytes.get(from..to).unwrap_or_default();
    let absent = env.tools.write_buffer.borrowed.absent_from(from);
    for frame in recorder.frames(sent, absent, &|cmd| env.service.is_secret(cmd)) {
        recorder.note(Note::Sent { frame });
    }
}

/// The frames that a handler has sent, from `sent_from` of the write buffer on, and those that wait to be
/// compressed.
fn frames_of_call<S: Application>(recorder: &Recorder, sent_from: usize, env: &Env<S>) -> Vec<Frame> {
    let Tools { write_buffer: WriteBuffer { bytes: out, borrowed, .. }, jobs, .. } = &env.tools;
    let sent = |from: usize, to: usize| {
        let sent = out.get(from..to).unwrap_or_default();
        let absent = borrowed.absent_from(from).take_while(|(at, _)| *at <= sent.len());
        recorder.frames(sent, absent, &|cmd| env.service.is_secret(cmd))
    };
    let (mut frames, mut from) = (vec![], sent_from);
    for (at, job) in jobs {
        frames.extend(sent(from, *at));
        frames.push(frame_of_job(job));
        from = *at;
    }
    frames.extend(sent(from, out.len()));
    frames
}

/// A frame before it is compressed.
fn frame_of_job(job: &CompressJob) -> Frame {
    let (message, len, compressed) = job.message();
    let head = |reply: Reply<'_>| PacketHead {
        error_id: reply.error_id.0,
        data_status: DataStatus::Compressed as u8,
        flag: reply.flag,
        cmd: reply.cmd,
    };
    let packet = if compressed { None } else { Reply::parse(message).ok().map(head) };
    Frame { opcode: job.opcode() as u8 | LATER, compressed, len: len as u64, packet, hash: 0 }
}

impl Dispatch<'_> {
    /// Notes a message that should be a packet.
    #[cold]
    pub(super) fn observe_packet<S: Application>(&mut self, message: &[u8], env: &Env<S>) {
        if self.record.debug() {
            // The command ends the header, whatever else of the packet is wrong.
            let header = message.first_chunk::<REQUEST_HEADER_BYTES>();
            let cmd = header.and_then(|header| header.last_chunk().copied().map(u16::from_be_bytes));
            let is_secret = cmd.is_some_and(|cmd| env.service.is_secret(cmd));
            self.log_in(if is_secret { Hex::of_secret(message) } else { Hex::of(message) });
        }
        let seq = self.record.recv_count();
        let Some(recorder) = self.rare.noting() else { return };
        note_sent(recorder, env);
        let Some((header, data)) = message.split_at_checked(REQUEST_HEADER_BYTES) else { return };
        // DataSize may be wrong; the note of the result shows that.
        let mut parsed = header.to_vec();
        parsed.splice(..2, [0xff, 0xff]);
        let Ok(packet::Request { data_status, flag, cmd, .. }) = packet::Request::parse(&parsed) else {
            return;
        };
        let route = match env.service.route(cmd) {
            None => note::Route::Unknown {},
            Some(route) => noted_route(&route),
        };
        let is_hidden = recorder.call.is_compressed || env.service.hides(cmd);
        let hash = if is_hidden { 0 } else { digest(data) };
        recorder.note(Note::Packet { seq, cmd, flag, data_status, len: data.len() as u64, route, hash });
    }

    /// Asks a predicate. Notes whether it allows the request, and logs it if it takes too long. An error
    /// closes the connection.
    #[cold]
    pub(super) fn ask_watched<S: Application>(
        &mut self,
        predicate: Predicate<S::Session>,
        cmd: u16,
        env: &mut Env<S>,
    ) -> Result<bool, Cause> {
        env.tools.slow.begin_handler(None);
        env.tools.meter.begins(Work::Predicate, cmd);
        let asked = call_predicate(predicate, self.record, &env.tools);
        env.tools.meter.ends();
        self.end_timed("access predicate", cmd, env);
        if let Some(recorder) = self.rare.noting() {
            recorder.note(Note::Asked { allowed: asked.as_ref().ok().copied() });
        }
        asked.map_err(|_| self.panicked(cmd, "access predicate", env))
    }

    /// Notes a message of a service without packets.
    #[cold]
    pub(super) fn observe_message<S: Application>(
        &mut self,
        kind: frame::MessageKind,
        payload: &[u8],
        env: &Env<S>,
    ) {
        if self.record.debug() {
            self.log_in(Hex::of(payload));
        }
        let Some(recorder) = self.rare.noting() else { return };
        note_sent(recorder, env);
        let hash = if recorder.call.is_compressed { 0 } else { digest(payload) };
        recorder.note(Note::Message {
            text: kind == frame::MessageKind::Text,
            len: payload.len() as u64,
            hash,
        });
    }

    fn log_in(&self, message: Hex<'_>) {
        log::info!("{} in  {message}", self.record.id);
    }

    /// Notes that a handler, or its substitute, is about to run.
    #[cold]
    pub(super) fn observe_run<S: Application>(&mut self, by: By, env: &mut Env<S>) {
        let (login, failed) = (self.login(), env.tools.totals.send_errors);
        env.tools.too_large = 0;
        env.tools.slow.begin_handler(env.tools.meter.handler_began());
        let Some(recorder) = self.rare.noting() else { return };
        note_sent(recorder, env);
        (recorder.call.login, recorder.call.failed) = (login, failed);
        let Some(source) = recorder.replayed() else { return };
        let is_busy = source.begin_run(by == By::Connection);
        // In a replay nothing waits to be compressed.
        if let (Some(is_busy), Some(deflate)) = (is_busy, self.rare.deflate()) {
            deflate.set_busy(is_busy);
        }
    }

    fn login(&self) -> note::Login {
        note::Login { role_id: self.record.role_id(), kind: number_of_client_kind(self.record.kind()) }
    }

    /// Notes that the handler has run. `said` is none if it panicked; its output begins at `sent_from` of the
    /// write buffer.
    #[cold]
    pub(super) fn observe_outcome<S: Application>(
        &mut self,
        by: By,
        said: Option<Outcome>,
        sent_from: usize,
        env: &mut Env<S>,
    ) {
        match env.tools.slow.end_handler() {
            // Without a packet or message so far, it is the hook of a connection that has just opened.
            Some(took) if by == By::Application && self.record.recv_count() == 0 => {
                self.log_slow("opened hook", None, took, env);
            }
            Some(took) if by == By::Application => {
                self.log_slow("handler", Some(self.record.last_cmd()), took, env);
            }
            Some(_) | None => {}
        }
        let sent = env.tools.write_buffer.bytes.get(sent_from..).unwrap_or_default();
        if self.record.debug() {
            log_frames(self.record, sent);
        }
        let (login, failed) = (self.login(), env.tools.totals.send_errors);
        let too_large = std::mem::take(&mut env.tools.too_large);
        let Some(recorder) = self.rare.noting() else { return };
        recorder.call.seen = env.tools.write_buffer.bytes.len();
        if too_large > 0 {
            recorder.note(Note::TooLarge { packets: too_large });
        }
        let said = match said {
            Some(Outcome::Done) => Said::Done {},
            Some(Outcome::Refuse(error_id)) => Said::Refuse { error_id: error_id.0 },
            Some(Outcome::Undecodable) => Said::Undecodable {},
            Some(Outcome::Close(code)) => Said::Close { code: code.get() },
            None => Said::Panicked {},
        };
        let outcome = note::Outcome {
            by_application: by == By::Application,
            said: Some(said),
            deferred: match &env.tools.after_call.deferral {
                None => note::Deferred::No {},
                Some(deferral) if deferral.is_login => note::Deferred::Login {},
                Some(_) => note::Deferred::Yes {},
            },
            login: (login != recorder.call.login).then_some(login),
            failed: u32::try_from(failed - recorder.call.failed)
                .unwrap_or(u32::MAX)
                .saturating_sub(too_large),
            cost: env.tools.effects.cost(),
            frames: frames_of_call(recorder, sent_from, env),
        };
        recorder.note(Note::Outcome { outcome });
        if env.tools.jobs.is_empty() {
            return;
        }
        // The gathered output goes to the outbox together with them.
        recorder.call.seen = env.tools.write_buffer.start;
        if recorder.replayed().is_some() {
            self.count_jobs(&mut env.tools);
        }
    }

    /// Logs what is called for a command beside its handler, if it took too long.
    #[cold]
    pub(super) fn end_timed<S: Application>(&mut self, what: &str, cmd: u16, env: &mut Env<S>) {
        if let Some(took) = env.tools.slow.end_handler() {
            self.log_slow(what, Some(cmd), took, env);
        }
    }

    fn log_slow<S: Application>(&mut self, what: &str, cmd: Option<u16>, took: Duration, env: &mut Env<S>) {
        let route = cmd.and_then(|cmd| env.service.route(cmd));
        let route = route.as_ref().map(|route| (route.cmd(), route.name()));
        let (record, tools) = (&*self.record, &mut env.tools);
        connection_log::slow(record, &mut tools.log, tools.now, what, route, took);
    }

    /// In a replay, counts replies that wait to be compressed. A replay has the outbox only as a number.
    fn count_jobs<Session>(&mut self, tools: &mut Tools<Session>) {
        let Tools { write_buffer: WriteBuffer { bytes: out, start, borrowed }, jobs, .. } = tools;
        let weight: usize = jobs.drain(..).map(|(_, job)| job.weight()).sum();
        let gathered = out.len().saturating_sub(*start);
        *self.outbox = Outbox::of_bytes(self.outbox.queued() + gathered + borrowed.bytes() + weight);
        borrowed.clear();
        out.truncate(*start);
    }

    /// Notes that a message was inflated.
    pub(super) fn observe_inflated<S: Application>(
        &mut self,
        out: &[u8],
        result: Result<(), frame::Error>,
        env: &Env<S>,
    ) {
        if !self.record.is_watched() {
            return;
        }
        let packets = env.service.has_packets();
        let Some(recorder) = self.rare.noting() else { return };
        note_sent(recorder, env);
        recorder.call.is_compressed = true;
        let out = if result.is_ok() { out } else { &[] };
        let head = if packets { out.get(..REQUEST_HEADER_BYTES).unwrap_or(out) } else { &[] };
        recorder.note(Note::Inflated {
            len: out.len() as u64,
            head: Bytes(head.to_vec()),
            error: result.err().map(codes::error_number),
        });
    }

    /// Notes that the inflated message was handled.
    pub(super) fn observe_inflated_handled(&mut self) {
        if self.record.is_watched()
            && let Some(recorder) = self.rare.noting()
        {
            recorder.call.is_compressed = false;
        }
    }

    /// Notes that Data was decoded to `result` bytes, or failed to decode; none means that the cipher
    /// panicked.
    pub(super) fn observe_decoded<S: Application>(
        &mut self,
        cmd: u16,
        data_status: u8,
        result: Option<Result<usize, Undecodable>>,
        env: &Env<S>,
    ) {
        if !self.record.is_watched() {
            return;
        }
        let is_encrypted = data_status == DataStatus::Encrypted as u8;
        let Some(recorder) = self.rare.noting() else { return };
        let hidden = is_encrypted || recorder.call.is_compressed || env.service.hides(cmd);
        let result = match result {
            Some(Ok(len)) => Decoded::Data { len: len as u64 },
            Some(Err(offence)) => Decoded::Undecodable { offence: codes::offence_number(offence) },
            None => Decoded::Panicked {},
        };
        recorder.note(Note::Decoded { hidden, result });
    }
}

fn noted_route<S: Application>(route: &Route<S>) -> note::Route {
    let (access, secret) = (number_of_access(route.access()), route.is_secret());
    match (route.is_unordered(), route.deadline_ms()) {
        (false, 0) => note::Route::Known { access, secret },
        (unordered, deadline_ms) => note::Route::Deferring { access, secret, unordered, deadline_ms },
    }
}

fn number_of_access<Session>(access: Access<Session>) -> u8 {
    match access {
        Access::Anyone => 0,
        Access::Role => 1,
        Access::Operator => 2,
        Access::If(_) => 3,
    }
}

/// The access with that number; `predicate` stands for any recorded one.
pub(crate) fn access_of<Session>(number: u8, predicate: Predicate<Session>) -> Option<Access<Session>> {
    [Access::Anyone, Access::Role, Access::Operator, Access::If(predicate)]
        .into_iter()
        .find(|access| number_of_access(*access) == number)
}
