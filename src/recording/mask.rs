//! Masks secrets in a client's bytes, which come in pieces of any size.
//!
//! The number and positions of the bytes stay the same, so that a reader finds the same frames. Masked are
//! the query values and the values of all header lines that the handshake does not need, the Data of packets
//! whose command is secret or unknown, and compressed messages as a whole. A packet's command precedes its
//! Data, so nothing has to be held back. Bytes after a violation are not kept, since their meaning is
//! uncertain.

mod frames;
mod head;
#[cfg(test)]
mod tests;

use frames::Frames;
use head::{Head, HeadEnd};

/// Follows one client's bytes.
#[derive(Debug)]
pub(super) struct Masker {
    state: State,
    /// Messages are packets.
    packets: bool,
}

#[derive(Debug)]
enum State {
    /// In the PROXY header, which contains nothing but addresses.
    Proxy,
    Head(Box<Head>),
    Frames(Frames),
    /// After a violation.
    Lost,
}

impl Masker {
    /// For a client that has sent nothing yet.
    pub(super) fn new(proxied: bool, packets: bool) -> Self {
        let state = if proxied { State::Proxy } else { State::Head(Box::default()) };
        Masker { state, packets }
    }

    /// For a client that is between two messages.
    pub(super) fn open(packets: bool) -> Self {
        Masker { state: State::Frames(Frames::default()), packets }
    }

    /// The PROXY header is over.
    pub(super) fn begin_head(&mut self) {
        self.state = State::Head(Box::default());
    }

    /// Masks the next bytes. Returns how many of them may be recorded: all, or the bytes before a violation.
    pub(super) fn mask(&mut self, bytes: &mut [u8], is_secret: &dyn Fn(u16) -> bool) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let taken = match &mut self.state {
                State::Proxy => rest.len(),
                State::Head(head) => match head.mask(rest) {
                    HeadEnd::Open(taken) => taken,
                    HeadEnd::Ended(taken) => {
                        self.state = State::Frames(Frames::default());
                        taken
                    }
                    HeadEnd::Refused(taken) => {
                        self.state = State::Lost;
                        taken
                    }
                },
                State::Frames(frames) => match frames.mask(rest, self.packets, is_secret) {
                    Some(taken) => taken,
                    None => {
                        self.state = State::Lost;
                        // Keep the header up to the violation: it shows what was wrong.
                        return done + rest.len().min(1);
                    }
                },
                State::Lost => return done,
            };
            done += taken;
        }
        done
    }

    /// Masks bytes that were discarded after a violation. The bytes that show the violation may be recorded:
    /// a head up to its first illegal byte, and a frame's whole header.
    pub(super) fn mask_rest(&mut self, bytes: &mut [u8]) -> usize {
        let taken = match &mut self.state {
            State::Head(head) => match head.mask(bytes) {
                HeadEnd::Open(taken) | HeadEnd::Ended(taken) | HeadEnd::Refused(taken) => taken,
            },
            State::Frames(frames) => frames.header_rest(bytes),
            State::Proxy | State::Lost => 0,
        };
        self.state = State::Lost;
        taken
    }
}
