//! Masking: overwrites what must not be recorded in a client's bytes, which come in pieces of any size.
//!
//! The bytes keep their number and their places, so that a reader finds the same frames. Masked are the
//! values of the request's query and of all header lines that the handshake does not need, the Data of
//! packets whose command is secret or unknown, and all of a compressed message. A packet's command stands in
//! front of its Data, so nothing has to be held back. Bytes behind a violation are not kept, since their
//! meaning is not certain.

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
    /// In the PROXY header, which names addresses and nothing else.
    Proxy,
    Head(Box<Head>),
    Frames(Frames),
    /// Behind a violation.
    Lost,
}

impl Masker {
    /// For a client whose first byte is still to come.
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

    /// Masks the next bytes. Returns how many of them may be recorded: all, or those up to a violation.
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
                        // The header in which the stream became unreadable shows the fault.
                        return done + rest.len().min(1);
                    }
                },
                State::Lost => return done,
            };
            done += taken;
        }
        done
    }

    /// The same for bytes that were thrown away behind a violation. The bytes that show the violation may be
    /// recorded: a head up to its first illegal byte, and a frame's header to its end.
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
