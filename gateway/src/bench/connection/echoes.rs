//! Replies that are what they should be: they are compared, byte by byte, where they were received. The
//! decoder looks at whatever differs.

use super::session::Session;
use crate::bench::in_flight::Answer;
use crate::bench::plan::Kind;
use crate::bench::shared::Shared;

/// A reply that has not come in full, and is right so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begun {
    flag: u32,
    bytes: usize,
}

/// Bytes that are right.
#[derive(Clone, Copy, Debug)]
struct Right {
    bytes: usize,
    /// Replies that end in them.
    replies: usize,
    /// Bytes of the reply that begins after these.
    begun: usize,
}

impl Session {
    /// Takes right replies from the front of the input, as long as they come in the order of their requests.
    /// Returns the rest.
    pub(super) fn take_echoes<'a>(
        &mut self,
        mut input: &'a mut [u8],
        now: u64,
        shared: &mut Shared,
    ) -> &'a mut [u8] {
        if !shared.plan.kind.is_echoed() {
            return input;
        }
        // Requests that went out together are recorded together.
        let (mut together, mut answers, mut packets) = (0, 0, 0);
        while let Some(right) = self.right_part(input, shared) {
            input = input.split_at_mut(right.bytes).1;
            for _ in 0..right.replies {
                packets += 1;
                match self.in_flight.answer_oldest() {
                    Answer::Complete(request) if request.intended == together => answers += 1,
                    Answer::Complete(request) => {
                        shared.figures.answer(together, now, answers);
                        (together, answers) = (request.intended, 1);
                    }
                    _ => shared.figures.wrong += 1,
                }
            }
            let flag = self.in_flight.oldest().map_or(0, |oldest| oldest.flag);
            self.begun = Begun { flag, bytes: right.begun };
        }
        shared.figures.answer(together, now, answers);
        self.packets_received += if shared.plan.kind == Kind::Echo { 0 } else { packets };
        input
    }

    /// What the input has of right replies at its front: one, or what the ring shows at once. `None` if that
    /// is nothing.
    fn right_part(&self, input: &[u8], shared: &mut Shared) -> Option<Right> {
        // What looks like the reply to one that was overtaken is that to a later one with the same Flag.
        let oldest = self.in_flight.oldest().filter(|oldest| !oldest.is_overtaken && !input.is_empty())?;
        let begun = self.begun.bytes;
        if let Some(ring) = &shared.ring {
            let each = ring.reply_bytes();
            let all = each.saturating_mul(self.in_flight.in_a_row());
            let part = input.get(..all.saturating_sub(begun)).unwrap_or(input);
            if ring.are_replies(part, oldest.flag, begun) {
                let bytes = begun + part.len();
                return Some(Right { bytes: part.len(), replies: bytes / each, begun: bytes % each });
            }
        }
        let each = shared.template.echo_of(oldest.flag).len();
        let part = input.get(..each.saturating_sub(begun)).unwrap_or(input);
        let bytes = begun + part.len();
        let (replies, begun_now) = if bytes < each { (0, bytes) } else { (1, 0) };
        let is_right = shared.template.is_part_of_echo(part, begun);
        is_right.then_some(Right { bytes: part.len(), replies, begun: begun_now })
    }

    /// The beginning of a reply that was right, and does not go on so.
    pub(super) fn take_begun(&mut self, shared: &mut Shared) -> Vec<u8> {
        let Begun { flag, bytes } = std::mem::take(&mut self.begun);
        shared.template.echo_of(flag).get(..bytes).unwrap_or_default().to_vec()
    }
}
