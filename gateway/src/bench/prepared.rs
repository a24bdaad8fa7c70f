//! The frame of a request, masked once: a request differs from the others only in its first bytes.
//!
//! RFC 6455 §5.3 wants a key for each frame that nobody can foresee, so that a script in a browser cannot
//! choose what goes over the wire. Here no script chooses anything, and a server's work does not depend on
//! the key, so one key, chosen at random, serves a whole run.

use sysconn::frame::{Opcode, apply_mask, push_masked_frame};

use super::template::Template;

/// Bytes that are masked at once: a multiple of the key's.
const WORD_BYTES: usize = 8;

/// The parts of a frame.
#[derive(Debug)]
pub(super) struct Prepared {
    /// All of it, with some message.
    frame: Vec<u8>,
    key: [u8; 4],
    /// The key, as often as a word has room for it.
    key_word: u64,
    header_bytes: usize,
    /// Bytes of the message that a request may have of its own.
    own_bytes: usize,
}

impl Prepared {
    pub(super) fn new(template: &Template, key: [u8; 4]) -> Self {
        let mut frame = Vec::new();
        push_masked_frame(&mut frame, true, Opcode::Binary, key, template.message());
        let header_bytes = frame.len().saturating_sub(template.len());
        // Whole words are masked faster. What they have too much is the same in all messages.
        let own_bytes = template.own_bytes().next_multiple_of(WORD_BYTES).min(template.len());
        let key_word = u64::from_ne_bytes(std::array::from_fn(|at| key[at % key.len()]));
        Prepared { frame, key, key_word, header_bytes, own_bytes }
    }

    /// Appends the frame of this message.
    pub(super) fn push(&self, out: &mut Vec<u8>, message: &[u8]) {
        self.push_part(out, message, self.frame.len());
    }

    /// Appends it without its [`tail`](Self::tail).
    pub(super) fn push_head(&self, out: &mut Vec<u8>, message: &[u8]) {
        self.push_part(out, message, self.header_bytes + self.own_bytes);
    }

    fn push_part(&self, out: &mut Vec<u8>, message: &[u8], frame_bytes: usize) {
        let own = out.len() + self.header_bytes;
        out.extend_from_slice(self.frame.get(..frame_bytes).unwrap_or(&self.frame));
        let place = out.get_mut(own..own + self.own_bytes).unwrap_or_default();
        let Some(message) = message.get(..place.len()) else { return };
        let (words, rest) = place.as_chunks_mut();
        let (own_words, own_rest) = message.as_chunks();
        for (word, own) in words.iter_mut().zip(own_words) {
            *word = (u64::from_ne_bytes(*own) ^ self.key_word).to_ne_bytes();
        }
        rest.copy_from_slice(own_rest);
        apply_mask(rest, self.key);
    }

    /// The end of each frame.
    pub(super) fn tail(&self) -> &[u8] {
        self.frame.get(self.header_bytes + self.own_bytes..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::template::PERIOD;

    #[test]
    fn a_prepared_frame_is_the_one_that_is_masked_anew() {
        let key = [1, 2, 3, 4];
        for mut template in [
            Template::echo(0, PERIOD),
            Template::echo(5, PERIOD),
            Template::echo(70_000, PERIOD),
            Template::pattern(1101, 0, PERIOD),
            Template::pattern(1101, 300, PERIOD),
            Template::data(1102, b"same"),
            Template::say("bench-1-", 16),
        ] {
            let prepared = Prepared::new(&template, key);
            for (flag, number, room) in [(1, 1, 0), (0x0102_0304, u64::MAX, 7)] {
                let (mut frame, mut expected) = (Vec::new(), Vec::new());
                let message = template.fill(flag, number, room);
                prepared.push_head(&mut frame, message);
                frame.extend_from_slice(prepared.tail());
                push_masked_frame(&mut expected, true, Opcode::Binary, key, message);
                assert_eq!(frame, expected, "{flag} {}", message.len());
                prepared.push(&mut frame, message);
                assert_eq!(frame, expected.repeat(2), "{flag} {}", message.len());
            }
        }
    }
}
