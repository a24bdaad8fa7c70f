//! Bytes from the socket: through the decoder, frame by frame, to packets and control frames.

use super::lifecycle::{Open, Phase};
use super::packets::{By, Call};
use super::{Bulk, Conn, Env, FLUSH_BYTES, LARGE_MESSAGE_BYTES, Progress};
use crate::cause::Cause;
use crate::config::Overflow;
use crate::connection_log;
use crate::frame::{Decoder, Event, Opcode, Role, Rules, push_frame};
use crate::mailbox::Answer;
use crate::moment::Moment;
use crate::push::Push;
use crate::recording::note::{Answered, Note};
use crate::router::{Application, Context, MIN_BORROWED_BYTES, Origin, Outcome, Service};

impl Conn {
    /// Bytes have come from the socket, or were kept before. What is left in `input` afterwards has
    /// to be given again when [`Progress`] says so.
    pub(crate) fn handle_bytes<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Progress {
        if self.record.is_watched() {
            self.note_input(input, env);
        }
        let progress = self.take_bytes(input, env);
        if self.record.is_watched() {
            self.note_taken(progress, input.len(), env);
        }
        progress
    }

    #[inline(always)]
    fn take_bytes<S: Application>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> Progress {
        self.deadlines.seen(env.tools.now);
        loop {
            match self.phase {
                Phase::Proxied(_) => {
                    if let Some(named) = self.read_proxy_header(input, env) {
                        return Progress::Introduced { named };
                    }
                }
                Phase::Upgrading(_) => {
                    if let Some(progress) = self.read_head(input, env) {
                        return progress;
                    }
                }
                Phase::Open(_) => return self.read_frames(input, env),
                Phase::Closing(_) | Phase::Closed(_) => self.throw_away(input, env.tools.now),
            }
            if input.is_empty() {
                return Progress::Taken;
            }
        }
    }

    fn read_frames<S: Application>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> Progress {
        if self.inflates() {
            if env.frames_left > 0 {
                self.go_on_inflating(env);
            }
            if self.inflates() {
                // The same message, or Data within it.
                return Progress::Wait;
            }
        }
        let mut is_heard = false;
        let progress = self.read_next_frames(input, env, &mut is_heard);
        if is_heard {
            self.deadlines.read_since(env.tools.now);
        }
        progress
    }

    /// Reads frames that have come. `is_heard`: one of them has begun or ended a message, or came between two.
    #[inline(always)]
    fn read_next_frames<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        env: &mut Env<S>,
        is_heard: &mut bool,
    ) -> Progress {
        let was_idle = self.is_between_messages();
        let mut delivered = false;
        loop {
            if env.tools.gathered() >= FLUSH_BYTES || env.tools.lends_held() {
                return Progress::Flush;
            }
            if delivered && input.is_empty() {
                // What has begun to be inflated has used up the budget.
                return if env.frames_left == 0 && self.inflates() {
                    Progress::Wait
                } else {
                    Progress::Taken
                };
            }
            let held_back = self.is_held_back(&env.settings);
            let Phase::Open(_) = self.phase else {
                self.throw_away(input, env.tools.now);
                return Progress::Taken;
            };
            if !input.is_empty() && (held_back || env.frames_left == 0 || self.waits_for_reply(input)) {
                return Progress::Wait;
            }
            let more = self.read_frame(input, env);
            *is_heard = *is_heard || was_idle || self.is_between_messages();
            if !more {
                return if input.is_empty() { Progress::Taken } else { Progress::Wait };
            }
            env.frames_left = env.frames_left.saturating_sub(1);
            delivered = true;
        }
    }

    fn trim_decoder(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.decoder.trim();
        }
    }

    /// Of what follows the end of the conversation only the client's Close matters.
    #[cold]
    fn throw_away(&mut self, input: &mut &mut [u8], now: Moment) {
        self.note_rest(input.len());
        self.skip(input, now);
        *input = &mut [];
    }

    pub(super) fn is_between_messages(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.decoder.is_idle())
    }

    /// Takes one event from the input. False if more input is needed for one.
    #[inline(always)]
    fn read_frame<S: Application>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> bool {
        let rules = self.rules(env);
        let Some((decoder, mut call)) = self.parts() else { return false };
        match decoder.next_within(input, &rules, &mut env.frames_left) {
            Ok(None) => return false,
            Ok(Some(Event::Message { kind, compressed, payload })) => {
                let is_large = payload.len() >= LARGE_MESSAGE_BYTES;
                env.tools.origin = (payload.len() >= MIN_BORROWED_BYTES).then(|| {
                    // What is delivered in place lies right before what is left.
                    let in_place = std::ptr::eq(payload.as_ptr_range().end, input.as_ptr());
                    let end = env.input_len.saturating_sub(input.len());
                    if in_place { Origin::Input { end } } else { Origin::Held }
                });
                let result = if compressed {
                    call.received_compressed(kind, payload, rules.max_len, env)
                } else {
                    call.received(kind, payload, rules.max_len, env)
                };
                // One packet can ask for work on thousands of connections. It counts against the budget
                // of whoever sent it, so that others wait no longer than for any other client.
                let cost = env.tools.effects.take_cost();
                if cost > 0 {
                    env.charge(cost);
                }
                if is_large {
                    self.bulk = Bulk::Large;
                } else if self.bulk == Bulk::Large {
                    self.bulk = Bulk::Much;
                }
                if let Err(cause) = result {
                    env.tools.copy_held(self.last_payload());
                    self.end_open(cause, env);
                } else if env.frames_left == 0 && self.inflates() {
                    // It has a copy.
                    self.trim_decoder();
                }
            }
            Ok(Some(Event::Ping(payload))) => {
                call.answer_ping(payload, env);
                self.take_control_frames(input, &rules, env);
            }
            Ok(Some(Event::Pong(_))) => self.take_control_frames(input, &rules, env),
            Ok(Some(Event::Close(close))) => {
                let code = close.map(|close| close.code);
                self.answer_close(code, env);
            }
            Err(error) => {
                call.log_bad_input(None, env, format_args!("{error}"));
                self.end_open(Cause::Protocol(error), env);
            }
        }
        true
    }

    /// Takes whole Pings and Pongs that follow at once, so that a flood of them costs little. The frame before them
    /// is still to be counted.
    #[inline(never)]
    fn take_control_frames<S>(&mut self, input: &mut &mut [u8], rules: &Rules, env: &mut Env<S>) {
        let Some((decoder, mut call)) = self.parts() else { return };
        while env.frames_left > 1
            && env.tools.gathered() < FLUSH_BYTES
            && let Some(event) = decoder.short_control(input, rules)
        {
            env.frames_left -= 1;
            if let Event::Ping(payload) = event {
                call.answer_ping(payload, env);
            }
        }
    }

    #[inline(always)]
    fn rules<S>(&self, env: &Env<S>) -> Rules {
        let settings = &env.settings;
        let max_len =
            if self.record.is_logged_in() { settings.max_len } else { settings.max_len_before_login };
        let deflate = self.extras.compresses();
        Rules { role: Role::Server, max_len, text: matches!(env.service, Service::Messages(_)), deflate }
    }

    /// An open connection's decoder, and apart from it what a call into the application works on.
    #[inline(always)]
    pub(super) fn parts(&mut self) -> Option<(&mut Decoder, Call<'_>)> {
        let Phase::Open(Open { decoder }) = &mut self.phase else { return None };
        let call = Call {
            record: &mut self.record,
            deadlines: &mut self.deadlines,
            extras: &mut self.extras,
            rearm: &mut self.rearm,
            outbox: &mut self.outbox,
        };
        Some((decoder, call))
    }

    /// Makes a call with a context for this connection, outside of any request.
    pub(super) fn call<S: Application>(
        &mut self,
        by: By,
        cmd: u16,
        flag: u32,
        env: &mut Env<S>,
        call: impl FnOnce(&mut S, &mut Context<'_>) -> Outcome,
    ) {
        let Some((_, mut parts)) = self.parts() else { return };
        if let Err(cause) = parts.run(by, cmd, flag, &[], env, call) {
            self.end_open(cause, env);
        }
    }

    /// The answer to a deferred request has come. One that is not waited for (any more) is dropped.
    pub(crate) fn handle_answer<S: Application>(&mut self, seq: u64, answer: Answer, env: &mut Env<S>) {
        self.note_given(|| Note::Answer { seq, answer: Answered::of(&answer) }, env);
        self.go_on_with(seq, env, |context| match &answer {
            Answer::Reply(data) => context.reply(data),
            Answer::Refuse(error_id) => Outcome::Refuse(*error_id),
        });
        self.note_outcome(env);
    }

    pub(super) fn go_on_with<S: Application>(
        &mut self,
        seq: u64,
        env: &mut Env<S>,
        answer: impl FnOnce(&mut Context<'_>) -> Outcome,
    ) {
        let Some(deferral) = self.extras.take_deferral(seq) else { return };
        // The client's silence counts again from here, and with it a deadline that was put aside.
        self.deadlines.read_since(env.tools.now);
        self.rearm = true;
        self.call(By::Connection, deferral.cmd, deferral.flag, env, |_, context| {
            let outcome = answer(context);
            // Nobody has a budget that it could count against.
            context.effects().take_cost();
            outcome
        });
    }

    /// The linked object has ended, unless it is linked no longer.
    pub(crate) fn handle_object_end<S>(&mut self, number: u64, cause: Cause, env: &mut Env<S>) {
        if self.extras.linked_number() == Some(number) {
            self.close(cause, env);
        }
    }

    /// Counts a push that is to be sent behind `gathered` bytes and what the outbox holds. False if it is
    /// not to be sent: it does not fit, or the connection is not open.
    pub(crate) fn admits<S>(&mut self, push: &Push, gathered: usize, env: &mut Env<S>) -> bool {
        if self.record.is_watched() {
            return self.note_push(push, gathered, env);
        }
        self.admits_unseen(push.frame().len(), gathered, env)
    }

    pub(super) fn admits_unseen<S>(&mut self, len: usize, gathered: usize, env: &mut Env<S>) -> bool {
        if !matches!(self.phase, Phase::Open(_)) {
            return false;
        }
        let limit = env.settings.outbox_limit;
        let pending = self.outbox.queued().saturating_add(gathered);
        if limit != 0 && pending.saturating_add(len) > limit {
            self.record.count_send_error();
            env.tools.totals.send_errors += 1;
            if len > limit {
                connection_log::oversized(&mut self.record, &mut env.tools.log, env.tools.now, len, limit);
            }
            if env.settings.overflow == Overflow::Close {
                self.end_open(Cause::OutboxFull, env);
            }
            return false;
        }
        self.record.send_count += 1;
        env.tools.totals.packets_sent += 1;
        true
    }
}

impl Call<'_> {
    #[inline]
    fn answer_ping<S>(&mut self, payload: &[u8], env: &mut Env<S>) {
        if !self.outbox.is_empty() {
            return self.outbox.set_pong(payload);
        }
        push_frame(&mut env.tools.out, Opcode::Pong, payload);
    }
}
