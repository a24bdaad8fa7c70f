//! Inflates clients' compressed messages. It does so at once if one slice is enough, and otherwise as an
//! [`InflateJob`], one slice in each later call.

use super::connection::Conn;
use super::dispatch::Dispatch;
use super::env::Env;
use super::inflate_job::{Failure, InflateJob, Subject, Work};
use super::input::{Close, Input};
use crate::cause::Cause;
use crate::frame::MessageKind;
use crate::metrics::{Compression, Meter};
use crate::record::Flag;
use crate::router::Application;

/// Capacity that the buffers for inflated messages keep, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl Conn {
    /// Whether a message is being inflated, or waits for an inflater.
    pub(crate) fn inflates(&self) -> bool {
        self.rare.job().is_some()
    }

    /// Whether a message waits for an inflater, and all later input waits behind it.
    pub(crate) fn waits_for_inflater(&self) -> bool {
        self.rare.job().is_some_and(|job| job.waits)
    }

    /// Begins inflating with an inflater that has become free; the connection keeps it until the message is
    /// inflated. False if the connection is not waiting for one.
    pub(crate) fn handle_inflater<S: Application>(&mut self, env: &mut Env<S>) -> bool {
        let id = self.record.id;
        let Some(mut job) = self.rare.take_job() else { return false };
        let waited = std::mem::replace(&mut job.waits, false);
        if waited {
            let subject = job.work.subject;
            env.inflaters.begin_waiting(id, subject, self.rare.window(subject));
        }
        self.rare.set_job(job);
        waited
    }

    /// Inflates one more slice of the current message.
    #[cold]
    pub(super) fn go_on_inflating<S: Application>(&mut self, env: &mut Env<S>) {
        let Some((_, mut dispatch)) = self.split() else { return };
        let went_on = dispatch.go_on_inflating(env);
        // Whatever the result, this was enough for one call.
        env.frames_left = 0;
        let cost = env.tools.effects.take_cost();
        env.charge(cost);
        let Some(result) = went_on else { return };
        // From here on the client's silence counts again, so a suspended deadline is set anew.
        self.read_since(env.tools.now);
        self.record.set(Flag::REARM, true);
        if let Err(cause) = result {
            Close(cause).apply(self, env);
        }
    }
}

/// Counts bytes that were inflated, and what has become of them.
fn count(input: usize, output: usize, meter: &Meter) {
    meter.deflated(Compression::InflateIn, input);
    meter.deflated(Compression::InflateOut, output);
    meter.lose_mark();
}

impl Dispatch<'_> {
    /// Handles a compressed message, which may inflate to at most `max_len` bytes. An error closes
    /// the connection.
    #[inline(never)]
    pub(super) fn received_compressed<S: Application>(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let work = Work::new(Subject::Message(kind), max_len, std::mem::take(&mut env.inflated));
        let Some((mut out, result)) = self.attempt(work, payload, env) else { return Ok(()) };
        let result = self.inflated(kind, &out, result, max_len, env);
        out.clear();
        out.shrink_to(KEPT_BYTES);
        env.inflated = out;
        result
    }

    /// Handles a packet whose Data is compressed, and may inflate to at most `max_len` bytes. An error closes
    /// the connection.
    #[inline(never)]
    pub(super) fn packet_compressed<S: Application>(
        &mut self,
        message: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let mut decoded = std::mem::take(&mut env.decoded);
        decoded.clear();
        decoded.shrink_to(KEPT_BYTES);
        let work = Work::new(Subject::Data, max_len, decoded);
        let Some((out, result)) = self.attempt(work, message, env) else { return Ok(()) };
        let result = self.inflated_data(message, &out, result.map_err(Failure::of_data), env);
        env.decoded = out;
        result
    }

    /// Inflates a message if one slice is enough. None if it has become a job.
    fn attempt<S: Application>(
        &mut self,
        mut work: Work,
        message: &[u8],
        env: &mut Env<S>,
    ) -> Option<(Vec<u8>, Result<(), Failure>)> {
        let (subject, len) = (work.subject, work.subject.of(message).len());
        let result = env.inflaters.inflate_short(&mut work, message, self.rare.window(subject));
        let Some(result) = result else {
            self.begin_job(work, message, env);
            return None;
        };
        env.count_inflated(len, work.out.len());
        count(len, work.out.len(), &env.tools.meter);
        if subject != Subject::Data {
            self.rare.remember(&work.out);
        }
        Some((work.out, result))
    }

    /// Leaves the rest of the work to later calls.
    fn begin_job<S: Application>(&mut self, mut work: Work, message: &[u8], env: &mut Env<S>) {
        let (id, subject, max_len) = (self.record.id, work.subject, work.max_len);
        env.frames_left = 0;
        let waits = !env.inflaters.begin_long(id, subject, message, self.rare.window(subject));
        if waits {
            // Only a connection with an inflater holds its output.
            work = Work::new(subject, max_len, Vec::new());
        }
        self.rare.set_job(Box::new(InflateJob {
            work,
            message: message.to_vec(),
            waits,
            arrived: env.tools.meter.arrived(),
        }));
    }

    /// Inflates one more slice, and handles the message once it is complete. None if it is not.
    fn go_on_inflating<S: Application>(&mut self, env: &mut Env<S>) -> Option<Result<(), Cause>> {
        let mut job = self.rare.take_job()?;
        let (id, subject) = (self.record.id, job.work.subject);
        let window = self.rare.window(subject);
        let (taken, made) = job.work.done();
        let result = env.inflaters.inflate_slice(id, &mut job.work, &job.message, window);
        let (taken_now, made_now) = job.work.done();
        let (taken, made) = (taken_now.saturating_sub(taken), made_now.saturating_sub(made));
        env.count_inflated(taken, made);
        count(taken, made, &env.tools.meter);
        let Some(result) = result else {
            self.rare.set_job(job);
            return None;
        };
        let InflateJob { work: Work { out, max_len, .. }, message, arrived, .. } = *job;
        env.inflaters.give_back(id);
        env.tools.meter.set_arrived(Some(arrived));
        let result = match subject {
            Subject::Message(kind) => {
                self.rare.remember(&out);
                drop(message);
                self.inflated(kind, &out, result, max_len, env)
            }
            Subject::Data => self.inflated_data(&message, &out, result.map_err(Failure::of_data), env),
        };
        env.tools.meter.set_arrived(None);
        Some(result)
    }

    /// Handles an inflated message, or one that does not inflate.
    fn inflated<S: Application>(
        &mut self,
        kind: MessageKind,
        message: &[u8],
        result: Result<(), Failure>,
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let result = result.map_err(Failure::of_message);
        self.observe_inflated(message, result, env);
        env.tools.origin = None;
        let result = match result {
            Ok(()) => self.received(kind, message, max_len, env),
            Err(error) => {
                self.log_bad_input(None, env, format_args!("{error}"));
                Err(Cause::Protocol(error))
            }
        };
        self.observe_inflated_handled();
        result
    }
}
