//! Calls the application: runs a handler, catches its panic, and acts on its result.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::connection::Conn;
use super::deadlines::Deadlines;
use super::env::Env;
use super::input::{Close, Input};
use super::outbox::Outbox;
use super::phase::{Open, Phase};
use super::rare_state::RareState;
use crate::cause::Cause;
use crate::config::Overflow;
use crate::connection_log;
use crate::frame::{self, Decoder};
use crate::metrics::Work;
use crate::packet::{REQUEST_HEADER_BYTES, Undecodable};
use crate::record::{Flag, Record};
use crate::router::{
    AfterCall, Application, COMPRESSES, Confined, Context, Outcome, SendBuffer, Service, Tools,
};

/// Bytes of a packet that the debug log shows.
const DEBUG_BYTES: usize = 64;

/// Where the answer to a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A handler or hook of the application.
    Application,
    /// The connection, instead of a handler.
    Connection,
}

/// The parts of a connection that a call into the application uses: all but the decoder, which lends the
/// message.
pub(super) struct Dispatch<'a> {
    pub(super) record: &'a mut Record,
    pub(super) deadlines: &'a mut Deadlines,
    pub(super) rare: &'a mut RareState,
    pub(super) outbox: &'a mut Outbox,
}

/// A call into the application that has returned, or has panicked.
pub(super) struct Returned {
    pub(super) cmd: u16,
    /// None if it has panicked.
    pub(super) outcome: Option<Outcome>,
    refused: bool,
    replied: bool,
    /// Whether there is anything in [`Tools::after_call`].
    leaves_more: bool,
}

impl Returned {
    /// Ends a call: sends what the handler has pushed to its own connection, or the refusal that it has
    /// returned.
    #[inline(always)]
    pub(super) fn of<S: Application>(
        mut context: Context<'_, S::Session>,
        mut outcome: Option<Outcome>,
        service: &Service<S>,
    ) -> Self {
        if context.leaves_more {
            context.send_own();
        }
        let refused = matches!(outcome, Some(Outcome::Refuse(_)));
        if let Some(Outcome::Refuse(error_id)) = outcome {
            if context.leaves_more && context.buffer.tools.after_call.refuses_with_data {
                outcome = Some(Dispatch::refuse_with_data(&mut context, service, error_id));
            } else {
                context.refuse(error_id);
            }
        }
        let Context { cmd, replied, leaves_more, .. } = context;
        Returned { cmd, outcome, refused, replied, leaves_more }
    }
}

impl Conn {
    /// Splits an open connection into its decoder and the parts that a call into the application uses.
    #[inline(always)]
    pub(super) fn split(&mut self) -> Option<(&mut Decoder, Dispatch<'_>)> {
        let Phase::Open(Open { decoder, deadlines, .. }) = &mut self.phase else { return None };
        let dispatch =
            Dispatch { record: &mut self.record, deadlines, rare: &mut self.rare, outbox: &mut self.outbox };
        Some((decoder, dispatch))
    }

    /// Makes a call with a context for this connection, outside of any request.
    pub(super) fn call<S: Application>(
        &mut self,
        by: By,
        cmd: u16,
        flag: u32,
        env: &mut Env<S>,
        call: impl FnOnce(&mut S, &mut Context<'_, S::Session>) -> Outcome,
    ) {
        let Some((_, mut dispatch)) = self.split() else { return };
        if let Err(cause) = dispatch.run(by, cmd, flag, &[], env, call) {
            Close(cause).apply(self, env);
        }
    }
}

impl Dispatch<'_> {
    /// Runs a handler (the application's or a substitute), catches its panic, and acts on its result. Replies
    /// may borrow `lent`, the end of the current message, which is empty if there is none.
    #[inline(always)]
    pub(super) fn run<S: Application>(
        &mut self,
        by: By,
        cmd: u16,
        flag: u32,
        lent: &[u8],
        env: &mut Env<S>,
        call: impl FnOnce(&mut S, &mut Context<'_, S::Session>) -> Outcome,
    ) -> Result<(), Cause> {
        let is_watched = self.record.has_watched_handlers();
        if is_watched {
            self.observe_run(by, env);
        }
        let was_in = self.record.is_logged_in();
        let sent_from = env.tools.write_buffer.bytes.len();
        let mut context = self.context(&mut env.tools);
        (context.cmd, context.flag) = (cmd, flag);
        if !is_watched || !context.record.is_watched() {
            // An observer sees only the write buffer.
            context.buffer.lend(lent);
        }
        let state = &mut env.state;
        let outcome = catch_unwind(AssertUnwindSafe(|| call(state, &mut context)));
        let returned = Returned::of(context, outcome.ok(), &env.service);
        if is_watched {
            self.observe_outcome(by, returned.outcome, sent_from, env);
        }
        self.act_on(&returned, was_in, env)
    }

    /// The context for calls into the application, which reply to nothing yet.
    #[inline(always)]
    pub(super) fn context<'a, Session>(&'a mut self, tools: &'a mut Tools<Session>) -> Context<'a, Session> {
        let queued = self.outbox.queued();
        let (attachments, deflate) = self.rare.lend();
        Context {
            record: &mut *self.record,
            attachments,
            buffer: SendBuffer::new(tools, deflate, queued),
            cmd: 0,
            flag: 0,
            replied: false,
            leaves_more: false,
            confined: Confined::default(),
        }
    }

    /// Acts on the result of a call. Before it, the client `was_in`: logged in.
    #[inline(always)]
    pub(super) fn act_on<S: Application>(
        &mut self,
        returned: &Returned,
        was_in: bool,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        if COMPRESSES && !env.tools.jobs.is_empty() {
            self.queue_jobs(env);
        }
        let is_in = self.record.is_logged_in();
        if was_in != is_in {
            self.deadlines.logged(is_in, env.tools.now, &env.settings);
            self.record.set(Flag::REARM, true);
        }
        let result = match returned.outcome {
            Some(Outcome::Done | Outcome::Refuse(_)) => Ok(()),
            Some(Outcome::Undecodable) => Err(self.offence(returned.cmd, Undecodable::Message, env)),
            Some(Outcome::Close(code)) => Err(Cause::Application(code)),
            None => Err(self.panicked(returned.cmd, "handler", env)),
        };
        if returned.leaves_more { self.finish_call(result, returned, env) } else { result }
    }

    /// Does what a handler has left to be done, beside its outcome, of which this is the `result`.
    #[cold]
    fn finish_call<S: Application>(
        &mut self,
        result: Result<(), Cause>,
        returned: &Returned,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let AfterCall { deferral, overflowed, logged_in, .. } = std::mem::take(&mut env.tools.after_call);
        // The kind of client may have changed, even if it was logged in before.
        if logged_in {
            self.record.set(Flag::REARM, true);
        }
        match deferral {
            Some(deferral) if result.is_ok() && !returned.refused => {
                self.keep_deferral(*deferral, returned.replied, env)
            }
            Some(deferral) => self.drop_deferral(&deferral),
            None => {}
        }
        if overflowed && env.settings.overflow == Overflow::Close { Err(Cause::OutboxFull) } else { result }
    }

    #[cold]
    pub(super) fn panicked<S: Application>(
        &mut self,
        cmd: u16,
        what: &'static str,
        env: &mut Env<S>,
    ) -> Cause {
        connection_log::panicked(self.record, &mut env.tools.log, env.tools.now, Some(cmd), what);
        Cause::HandlerFailed
    }

    /// Tells the application that Data could not be decoded.
    #[cold]
    pub(super) fn offence<S: Application>(
        &mut self,
        cmd: u16,
        offence: Undecodable,
        env: &mut Env<S>,
    ) -> Cause {
        self.log_bad_input(Some(cmd), env, format_args!("Data does not decode: {offence:?}"));
        let (state, sessions, record) = (&mut env.state, &mut env.tools.sessions, &*self.record);
        let began = env.tools.slow.begin();
        env.tools.meter.begins(Work::Hook, cmd);
        let called = catch_unwind(AssertUnwindSafe(|| {
            sessions.get_mut(record.id).map(|session| state.offence(record, session, offence))
        }));
        env.tools.meter.ends();
        if let Some(took) = env.tools.slow.slow_since(began) {
            connection_log::slow(record, &mut env.tools.log, env.tools.now, "offence hook", None, took);
        }
        if called.is_err() {
            connection_log::panicked(
                self.record,
                &mut env.tools.log,
                env.tools.now,
                Some(cmd),
                "offence hook",
            );
        }
        Cause::Undecodable(offence)
    }

    pub(super) fn log_bad_input<S: Application>(
        &mut self,
        cmd: Option<u16>,
        env: &mut Env<S>,
        reason: fmt::Arguments<'_>,
    ) {
        connection_log::bad_input(self.record, &mut env.tools.log, env.tools.now, cmd, reason);
    }
}

/// Logs each gathered frame of a connection under debug.
pub(super) fn log_frames(record: &Record, mut frames: &[u8]) {
    while !frames.is_empty() {
        let (frame, rest) = frames.split_at(frame::boundary_at_or_after(frames, 1).min(frames.len()));
        log::info!("{} out {}", record.id, Hex::of(frame));
        frames = rest;
    }
}

/// Shows the first bytes of something in hexadecimal.
pub(super) struct Hex<'a> {
    bytes: &'a [u8],
    /// How many of them are shown.
    shown: usize,
}

impl<'a> Hex<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Hex { bytes, shown: DEBUG_BYTES }
    }

    /// A packet whose Data is secret: only its header is shown.
    pub(super) fn of_secret(bytes: &'a [u8]) -> Self {
        Hex { bytes, shown: REQUEST_HEADER_BYTES }
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.bytes.iter().take(self.shown) {
            write!(f, "{byte:02x}")?;
        }
        if self.bytes.len() > self.shown {
            f.write_char('…')?;
        }
        write!(f, " ({} bytes)", self.bytes.len())
    }
}
