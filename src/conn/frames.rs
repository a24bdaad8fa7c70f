//! Decodes bytes from the socket, frame by frame, into messages and control frames.

use super::connection::Conn;
use super::dispatch::Dispatch;
use super::env::Env;
use super::input::{Bytes, Close, Input, Progress, Received};
use super::phase::Phase;
use super::read_policy::LARGE_MESSAGE_BYTES;
use crate::cause::Cause;
use crate::frame::{Event, Opcode, Role, Rules, push_frame};
use crate::moment::Moment;
use crate::record::Flag;
use crate::router::{Application, MIN_BORROWED_BYTES, Origin};

/// Gathered bytes of one connection that are written before more is parsed.
pub(super) const FLUSH_BYTES: usize = 64 * 1024;

impl<S: Application> Input<Env<S>> for Bytes<'_, '_> {
    type Output = Progress;

    #[inline(always)]
    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) -> Progress {
        let Bytes(input) = self;
        if conn.is_open() {
            conn.seen(env.tools.now);
            return conn.read_frames(input, env);
        }
        loop {
            match conn.phase {
                Phase::Proxied(_) => {
                    if let Some(named) = conn.read_proxy_header(input, env) {
                        return Progress::Introduced { named };
                    }
                }
                Phase::Upgrading(_) => {
                    if let Some(progress) = conn.read_head(input, env) {
                        return progress;
                    }
                }
                Phase::Open(_) => return conn.read_frames(input, env),
                Phase::Closing(_) | Phase::Closed(_) => conn.throw_away(input, env.tools.now),
            }
            if input.is_empty() {
                return Progress::Taken;
            }
        }
    }
}

impl<'e, S: Application> Input<&'e Env<S>> for Received {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, _: &mut &'e Env<S>) {
        if let Phase::Open(open) = &mut conn.phase {
            let copied = open.decoder.unfinished_bytes();
            open.decoder.received(self.0);
            let is_whole = open.decoder.payload_left() == 0;
            conn.note_piece(copied, is_whole);
        }
    }
}

impl Conn {
    /// Reads frames from `input`, as many as the budget, the outbox and a deferred reply allow.
    #[inline(always)]
    fn read_frames<S: Application>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> Progress {
        if self.inflates() {
            if env.frames_left > 0 {
                self.go_on_inflating(env);
            }
            if self.inflates() {
                // The message, or its Data, is still being inflated.
                return Progress::Wait;
            }
        }
        let had_packets = self.read_short_packets(input, env);
        if had_packets {
            self.read_since_seen();
            if input.is_empty() && env.tools.write_buffer.gathered() < FLUSH_BYTES {
                return Progress::Taken;
            }
        }
        self.read_any_frames(had_packets, input, env)
    }

    /// Goes on reading frames. `delivered` says whether some have been read.
    #[inline(never)]
    fn read_any_frames<S: Application>(
        &mut self,
        mut delivered: bool,
        input: &mut &mut [u8],
        env: &mut Env<S>,
    ) -> Progress {
        let was_idle = self.is_between_messages();
        // Set once a frame begins or ends a message, or comes between two.
        let mut is_heard = false;
        let progress = loop {
            if env.tools.write_buffer.gathered() >= FLUSH_BYTES || env.tools.write_buffer.lends_held() {
                break Progress::Flush;
            }
            if delivered && input.is_empty() {
                // Inflating a message has used up the budget.
                break if env.frames_left == 0 && self.inflates() { Progress::Wait } else { Progress::Taken };
            }
            let held_back = self.is_held_back(&env.settings);
            let Phase::Open(_) = self.phase else {
                self.throw_away(input, env.tools.now);
                break Progress::Taken;
            };
            if !input.is_empty() && (held_back || env.frames_left == 0 || self.waits_for_reply(input)) {
                break Progress::Wait;
            }
            if delivered && self.read_short_packets(input, env) {
                is_heard = true;
                continue;
            }
            let more = self.read_frame(input, env);
            is_heard = is_heard || was_idle || self.is_between_messages();
            if !more {
                break if input.is_empty() { Progress::Taken } else { Progress::Wait };
            }
            env.frames_left = env.frames_left.saturating_sub(1);
            delivered = true;
        };
        if is_heard {
            self.read_since_seen();
        }
        progress
    }

    fn trim_decoder(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.decoder.trim();
        }
    }

    /// Discards input after the end of the conversation; only the client's Close still matters.
    #[cold]
    fn throw_away(&mut self, input: &mut &mut [u8], now: Moment) {
        self.observe_rest(input.len());
        self.skip(input, now);
        *input = &mut [];
    }

    /// Searches discarded bytes for the client's Close.
    #[cold]
    pub(super) fn skip(&mut self, bytes: &[u8], now: Moment) {
        let Phase::Closing(closing) = &mut self.phase else { return };
        let found = closing.skip(bytes);
        if closing.heard(found, now) {
            self.record.set(Flag::REARM, true);
        }
        self.observe_found(found);
    }

    pub(super) fn is_between_messages(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.decoder.is_idle())
    }

    /// Takes one event from the input. False if more input is needed for one.
    #[inline(never)]
    fn read_frame<S: Application>(&mut self, input: &mut &mut [u8], env: &mut Env<S>) -> bool {
        let rules = self.rules(env);
        let Some((decoder, mut dispatch)) = self.split() else { return false };
        match decoder.next_within(input, &rules, &mut env.frames_left) {
            Ok(None) => return false,
            Ok(Some(Event::Message { kind, compressed, payload })) => {
                let is_large = payload.len() >= LARGE_MESSAGE_BYTES;
                env.tools.origin = (payload.len() >= MIN_BORROWED_BYTES).then(|| {
                    // A message that is delivered in place ends where the rest of the input begins.
                    let in_place = std::ptr::eq(payload.as_ptr_range().end, input.as_ptr());
                    let end = env.input_len.saturating_sub(input.len());
                    if in_place { Origin::Input { end } } else { Origin::Held }
                });
                let result = if compressed {
                    dispatch.received_compressed(kind, payload, rules.max_len, env)
                } else {
                    dispatch.received(kind, payload, rules.max_len, env)
                };
                self.end_message(is_large, result, env);
            }
            Ok(Some(Event::Ping(payload))) => {
                dispatch.answer_ping(payload, env);
                self.take_control_frames(input, &rules, env);
            }
            Ok(Some(Event::Pong(_))) => {
                dispatch.note_pong(env);
                self.take_control_frames(input, &rules, env);
            }
            Ok(Some(Event::Close(close))) => {
                let code = close.map(|close| close.code);
                self.answer_close(code, env);
            }
            Err(error) => {
                dispatch.log_bad_input(None, env, format_args!("{error}"));
                Close(Cause::Protocol(error)).apply(self, env);
            }
        }
        true
    }

    /// Acts on the `result` of a message, or of the last of several.
    #[inline(always)]
    pub(super) fn end_message<S: Application>(
        &mut self,
        is_large: bool,
        result: Result<(), Cause>,
        env: &mut Env<S>,
    ) {
        // One packet can cause work on thousands of connections. It counts against its sender's budget, so
        // that others wait no longer than for any other client.
        let cost = env.tools.effects.take_cost();
        if cost > 0 {
            env.charge(cost);
        }
        self.note_message_len(is_large);
        if let Err(cause) = result {
            env.tools.write_buffer.copy_held(self.last_payload());
            Close(cause).apply(self, env);
        } else if env.frames_left == 0 && self.inflates() {
            // The job has a copy of the message.
            self.trim_decoder();
        }
    }

    /// Takes whole Pings and Pongs that follow directly, so that a flood of them costs little. The caller
    /// counts the frame before them.
    #[inline(never)]
    fn take_control_frames<S: Application>(
        &mut self,
        input: &mut &mut [u8],
        rules: &Rules,
        env: &mut Env<S>,
    ) {
        let Some((decoder, mut dispatch)) = self.split() else { return };
        while env.frames_left > 1
            && env.tools.write_buffer.gathered() < FLUSH_BYTES
            && let Some(event) = decoder.short_control(input, rules)
        {
            env.frames_left -= 1;
            match event {
                Event::Ping(payload) => dispatch.answer_ping(payload, env),
                _ => dispatch.note_pong(env),
            }
        }
    }

    #[inline(always)]
    fn rules<S: Application>(&self, env: &Env<S>) -> Rules {
        let (text, deflate) = (!env.service.has_packets(), self.rare.compresses());
        Rules { role: Role::Server, max_len: self.max_len(env), text, deflate }
    }

    /// The longest message that the client may send, in bytes.
    #[inline(always)]
    pub(super) fn max_len<S: Application>(&self, env: &Env<S>) -> usize {
        let settings = &env.settings;
        if self.record.is_logged_in() { settings.max_len } else { settings.max_len_before_login }
    }
}

impl Dispatch<'_> {
    /// Measures how long the client took to answer a Ping, if it has not answered it before.
    #[inline]
    fn note_pong<S: Application>(&mut self, env: &Env<S>) {
        if self.record.take_pinged() {
            env.tools.meter.ponged(env.tools.now.since(self.deadlines.pinged_at()));
        }
    }

    #[inline]
    fn answer_ping<S: Application>(&mut self, payload: &[u8], env: &mut Env<S>) {
        if !self.outbox.is_empty() {
            return self.outbox.set_pong(payload);
        }
        push_frame(&mut env.tools.write_buffer.bytes, Opcode::Pong, payload);
    }
}
