//! What a recording says that its replay cannot know: what the application did, and what was in bytes that were
//! not recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::packet::{DataStatus, REPLY_HEADER_BYTES};
use crate::recording::codes::Reason;
use crate::recording::note::{Decoded, Frame, Note, Outcome, PacketHead};

/// Shared by who drives a replay, by the application that stands in for the recorded one, and by the recorder
/// that takes down what the connection does now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    shared: Arc<Mutex<Lines>>,
}

/// Of one call, in order.
#[derive(Debug, Default)]
struct Lines {
    health: Option<bool>,
    forwarded: Option<(Option<String>, Option<Reason>)>,
    verdicts: VecDeque<Option<Reason>>,
    outcomes: VecDeque<Outcome>,
    /// Of these and of those that were not the application's.
    runs: VecDeque<Run>,
    decoded: VecDeque<(bool, Decoded)>,
    inflated: VecDeque<Inflated>,
    /// There is a recording to go by.
    is_played: bool,
    /// A reply was being compressed.
    is_compressing: bool,
    found: VecDeque<bool>,
    /// What was noted in the replay.
    noted: Vec<Note>,
}

/// What came of inflating a message: its length with the beginning of it, or the number of an error.
#[derive(Clone, Debug)]
pub(crate) struct Inflated {
    pub(crate) len: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) error: Option<u16>,
}

/// What was compressed of what a handler sent, or what answered in the place of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Something of it had yet to be compressed.
    pub(crate) later: bool,
    /// What its only packet became.
    pub(crate) sent: Sent,
}

/// What became of a packet that was compressed at once, if it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent {
    /// A compressed message of so many bytes.
    Message(u64),
    /// A packet with so many bytes of compressed Data.
    Data(u64),
    AsItWas,
    /// Nothing: it did not fit the outbox.
    Nothing,
}

impl Run {
    fn of(outcome: &Outcome) -> Self {
        let is_compressed = |packet: &PacketHead| packet.data_status == DataStatus::Compressed as u8;
        let sent = match outcome.frames.last() {
            None if outcome.failed > 0 => Sent::Nothing,
            Some(frame) if frame.is_later() => Sent::AsItWas,
            Some(frame) if frame.compressed => Sent::Message(frame.len),
            Some(frame) if frame.packet.as_ref().is_some_and(is_compressed) => {
                Sent::Data(frame.len.saturating_sub(REPLY_HEADER_BYTES as u64))
            }
            Some(_) | None => Sent::AsItWas,
        };
        Run { later: outcome.frames.iter().any(Frame::is_later), sent }
    }
}

impl Script {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has what was recorded of one call stand in for what is not there.
    pub(crate) fn begin_call<'a>(&self, recorded: impl Iterator<Item = &'a Note>) {
        let mut lines = self.lines();
        *lines = Lines { is_played: true, ..Lines::default() };
        for note in recorded {
            if let Note::Outcome { outcome } = note {
                lines.runs.push_back(Run::of(outcome));
            }
            match note {
                Note::Health { fails } => lines.health = Some(*fails),
                Note::Forwarded { client, refused } => {
                    lines.forwarded = Some((client.clone(), refused.clone()));
                }
                Note::Verdict { refused } => lines.verdicts.push_back(refused.clone()),
                Note::Outcome { outcome } if outcome.by_application => {
                    lines.outcomes.push_back(outcome.clone())
                }
                Note::PeerClose { valid } => lines.found.push_back(*valid),
                Note::Decoded { hidden, result } => lines.decoded.push_back((*hidden, result.clone())),
                Note::Inflated { len, head, error } => {
                    let (len, head, error) = (*len, head.0.clone(), *error);
                    lines.inflated.push_back(Inflated { len, head, error });
                }
                Note::Compressing {} => lines.is_compressing = true,
                _ => {}
            }
        }
    }

    /// What a health check was told; none if the request was no health check.
    pub(crate) fn health(&self) -> Option<bool> {
        self.lines().health.take()
    }

    /// The client that the headers named, or why it was refused; none if they were not looked at.
    pub(crate) fn forwarded(&self) -> Option<(Option<String>, Option<Reason>)> {
        self.lines().forwarded.take()
    }

    /// What the application said to the upgrade.
    pub(crate) fn verdict(&self) -> Option<Option<Reason>> {
        self.lines().verdicts.pop_front()
    }

    /// What its next handler did.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.lines().outcomes.pop_front()
    }

    /// What the next handler, or what answers in the place of one, had compressed.
    pub(crate) fn next_run(&self) -> Option<Run> {
        self.lines().runs.pop_front()
    }

    /// What came of decoding, and whether that cannot be done again.
    pub(crate) fn decoded(&self) -> Option<(bool, Decoded)> {
        self.lines().decoded.pop_front()
    }

    /// Whether a recording is being replayed, and not only notes taken.
    pub(crate) fn is_played(&self) -> bool {
        self.lines().is_played
    }

    /// What came of inflating a message.
    pub(crate) fn inflated(&self) -> Option<Inflated> {
        self.lines().inflated.pop_front()
    }

    /// Whether a reply was being compressed when the client's time was up.
    pub(crate) fn is_compressing(&self) -> bool {
        self.lines().is_compressing
    }

    /// The next Close of the client's among what was thrown away: whether it is valid.
    pub(crate) fn found(&self) -> Option<bool> {
        self.lines().found.pop_front()
    }

    /// Takes down what the connection does now.
    pub(super) fn noted(&self, notes: impl Iterator<Item = Note>) {
        self.lines().noted.extend(notes);
    }

    /// What it did in the call that is over.
    pub(crate) fn take_noted(&self) -> Vec<Note> {
        std::mem::take(&mut self.lines().noted)
    }
}
