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

impl Session {
    /// Takes right replies from the front of the input, as long as they come in the order of their requests.
    /// Returns the rest.
    pub(super) fn take_echoes<'a>(
        &mut self,
        mut input: &'a mut [u8],
        now: u64,
        shared: &mut Shared,
    ) -> &'a mut [u8] {
        if !matches!(shared.plan.kind, Kind::Echo | Kind::Call { echoes: true, replies: 1, .. }) {
            return input;
        }
        // Requests that went out together are recorded together.
        let (mut together, mut answers, mut packets) = (0, 0, 0);
        while let Some(oldest) = self.in_flight.oldest().filter(|_| !input.is_empty()) {
            let left = shared.template.echo_of(oldest.flag).len().saturating_sub(self.begun.bytes);
            let count = left.min(input.len());
            let part = input.get(..count).unwrap_or_default();
            if !shared.template.is_part_of_echo(part, self.begun.bytes) {
                break;
            }
            input = input.split_at_mut(count).1;
            if count < left {
                self.begun = Begun { flag: oldest.flag, bytes: self.begun.bytes + count };
            } else {
                self.begun.bytes = 0;
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
        }
        shared.figures.answer(together, now, answers);
        self.packets_received += if shared.plan.kind == Kind::Echo { 0 } else { packets };
        input
    }

    /// The beginning of a reply that was right, and does not go on so.
    pub(super) fn take_begun(&mut self, shared: &mut Shared) -> Vec<u8> {
        let Begun { flag, bytes } = std::mem::take(&mut self.begun);
        shared.template.echo_of(flag).get(..bytes).unwrap_or_default().to_vec()
    }
}
