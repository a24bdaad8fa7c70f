//! What clients have compressed: inflated at once if that takes one slice, and else as a [`Job`] that goes on in later
//! calls, by one slice in each.

use super::job::{Failure, Job, Subject, Work};
use super::packets::Call;
use super::{Conn, Env};
use crate::cause::Cause;
use crate::frame::MessageKind;
use crate::inflate::SHORT_BYTES;
use crate::router::Application;

/// Capacity that the buffers for what was inflated keep, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl Conn {
    /// Whether a message is being inflated, or waits for that.
    pub(crate) fn inflates(&self) -> bool {
        self.extras.job().is_some()
    }

    /// Whether a message waits for an inflater, and all else with it.
    pub(crate) fn waits_for_inflater(&self) -> bool {
        self.extras.job().is_some_and(|job| job.waits)
    }

    /// An inflater has become free, and is the connection's until its message is inflated. False if it does not wait for
    /// one.
    pub(crate) fn handle_inflater<S>(&mut self, env: &mut Env<S>) -> bool {
        let id = self.record.id;
        let Some(mut job) = self.extras.take_job() else { return false };
        let waited = std::mem::replace(&mut job.waits, false);
        if waited && let Some(inflater) = env.inflaters.of(id) {
            inflater.begin(job.work.subject.format(), self.extras.window(job.work.subject));
        }
        self.extras.set_job(job);
        waited
    }

    /// Goes on with the message that is being inflated, by one slice.
    #[cold]
    pub(super) fn go_on_inflating<S: Application>(&mut self, env: &mut Env<S>) {
        let Some((_, mut call)) = self.parts() else { return };
        let went_on = call.go_on_inflating(env);
        // Whatever came of it, it may have taken long enough.
        env.frames_left = 0;
        let cost = env.tools.effects.take_cost();
        env.charge(cost);
        let Some(result) = went_on else { return };
        // The client's silence counts again from here, and with it a deadline that was put aside.
        self.deadlines.read_since(env.tools.now);
        self.rearm = true;
        if let Err(cause) = result {
            self.end_open(cause, env);
        }
    }
}

impl Call<'_> {
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

    /// Handles a packet whose Data is compressed, and may inflate to at most `max_len` bytes. An error closes the
    /// connection.
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

    /// Inflates a message if that takes one slice: what came out, and whether that is all. None: it has become a job.
    fn attempt<S>(
        &mut self,
        mut work: Work,
        message: &[u8],
        env: &mut Env<S>,
    ) -> Option<(Vec<u8>, Result<(), Failure>)> {
        let (subject, len) = (work.subject, work.subject.of(message).len());
        let mut has_begun = false;
        let result = if self.is_replayed() {
            self.look_up(&mut work)
        } else if len <= SHORT_BYTES {
            has_begun = true;
            let (inflater, window) = (env.inflaters.short(), self.extras.window(subject));
            inflater.begin(subject.format(), window);
            work.go_on(message, inflater, window)
        } else {
            None
        };
        let Some(result) = result else {
            self.begin_job(work, has_begun, message, env);
            return None;
        };
        env.count_inflated(len, work.out.len());
        if subject != Subject::Data && !self.is_replayed() {
            self.extras.remember(&work.out);
        }
        Some((work.out, result))
    }

    /// Has the rest of the work done in later calls. What was done with the inflater for short messages has begun.
    fn begin_job<S>(&mut self, mut work: Work, has_begun: bool, message: &[u8], env: &mut Env<S>) {
        let (id, subject, max_len) = (self.record.id, work.subject, work.max_len);
        env.frames_left = 0;
        let waits = if self.is_replayed() {
            false
        } else if has_begun {
            !env.inflaters.keep_short_or_wait(id)
        } else if let Some(inflater) = env.inflaters.take_or_wait(id) {
            inflater.begin(subject.format(), self.extras.window(subject));
            false
        } else {
            true
        };
        if waits {
            // Only who has an inflater holds what comes out of it.
            work = Work::new(subject, max_len, Vec::new());
        }
        self.extras.set_job(Box::new(Job { work, message: message.to_vec(), waits }));
    }

    /// Goes on by one slice, and handles the message once it is inflated. None: it is not.
    fn go_on_inflating<S: Application>(&mut self, env: &mut Env<S>) -> Option<Result<(), Cause>> {
        let mut job = self.extras.take_job()?;
        let (id, subject) = (self.record.id, job.work.subject);
        let is_replayed = self.is_replayed();
        let result = if is_replayed {
            self.look_up(&mut job.work)
        } else {
            // None while it waits.
            let inflater = env.inflaters.of(id);
            let window = self.extras.window(subject);
            let (taken, made) = job.work.done();
            let result = inflater.and_then(|inflater| job.work.go_on(&job.message, inflater, window));
            let (taken_now, made_now) = job.work.done();
            env.count_inflated(taken_now.saturating_sub(taken), made_now.saturating_sub(made));
            result
        };
        let Some(result) = result else {
            self.extras.set_job(job);
            return None;
        };
        let Job { work: Work { out, max_len, .. }, message, .. } = *job;
        if !is_replayed {
            env.inflaters.give_back(id);
        }
        Some(match subject {
            Subject::Message(kind) => {
                if !is_replayed {
                    self.extras.remember(&out);
                }
                drop(message);
                self.inflated(kind, &out, result, max_len, env)
            }
            Subject::Data => self.inflated_data(&message, &out, result.map_err(Failure::of_data), env),
        })
    }

    /// What came of inflating a message in the call that is replayed. None: it was not inflated in that.
    fn look_up(&mut self, work: &mut Work) -> Option<Result<(), Failure>> {
        match work.subject {
            Subject::Message(_) => {
                self.recorded_inflation(&mut work.out).map(|result| result.map_err(Failure::Message))
            }
            Subject::Data => self.recorded_data(&mut work.out).map(|result| result.map_err(Failure::Data)),
        }
    }

    /// A message was inflated, or does not inflate.
    fn inflated<S: Application>(
        &mut self,
        kind: MessageKind,
        message: &[u8],
        result: Result<(), Failure>,
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let result = result.map_err(Failure::of_message);
        self.note_inflated(message, result, env);
        env.tools.origin = None;
        let result = match result {
            Ok(()) => self.received(kind, message, max_len, env),
            Err(error) => {
                self.log_bad_input(None, env, format_args!("{error}"));
                Err(Cause::Protocol(error))
            }
        };
        self.note_inflated_over();
        result
    }
}
