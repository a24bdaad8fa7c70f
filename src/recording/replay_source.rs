//! Supplies what a replay cannot compute: the application's actions, and bytes that the recording lacks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::frame;
use crate::packet::{DataStatus, REPLY_HEADER_BYTES, Undecodable};
use crate::recording::codes::{self, Reason};
use crate::recording::frame::{Frame, PacketHead};
use crate::recording::note::{ANSWER_TIMER, Decoded, Note, Outcome};

/// The recorded results of the current call, and the notes that the replay makes of it. Shared by the driver
/// of the replay, the application that replaces the recorded one, the codecs, and the recorder of the replay.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplaySource {
    shared: Arc<Mutex<ReplayedCall>>,
}

/// The recorded results of one call, in order.
#[derive(Debug, Default)]
struct ReplayedCall {
    health: Option<bool>,
    forwarded: Option<(Option<String>, Option<Reason>)>,
    verdicts: VecDeque<Option<Reason>>,
    /// The answers of predicates.
    asked: VecDeque<Option<bool>>,
    /// The actions of the application's handlers, each with the number of packets that could never fit.
    outcomes: VecDeque<(Outcome, u32)>,
    /// The number of requests whose deadline passed.
    expired: usize,
    /// The actions of these handlers, and of their substitutes.
    runs: VecDeque<Run>,
    /// The recorded form of the current run's packet.
    sent: Sent,
    /// The frames that the call has cost after the current run, if the connection made it.
    cost: Option<u32>,
    decoded: VecDeque<(bool, Decoded)>,
    inflated: VecDeque<Inflated>,
    /// Whether a recording is being replayed.
    is_played: bool,
    /// Whether a reply was being compressed.
    is_compressing: bool,
    found: VecDeque<bool>,
    /// The notes of the replay.
    noted: Vec<Note>,
}

/// The recorded result of inflating a message.
#[derive(Debug)]
struct Inflated {
    len: u64,
    /// The beginning of the message.
    head: Vec<u8>,
    /// The number of the error, if inflating fails.
    error: Option<u16>,
}

/// The recorded compression of the output of a handler, or of its substitute.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Whether some of it still had to be compressed.
    later: bool,
    /// The recorded form of its only packet.
    sent: Sent,
    /// The frames that the call has cost after it.
    cost: u32,
}

/// The recorded form of a packet that was compressed at once, if it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Sent {
    /// It became a compressed message of this many bytes.
    Message(u64),
    /// It went out with this many bytes of compressed Data.
    Data(u64),
    #[default]
    AsItWas,
}

impl Run {
    fn of(outcome: &Outcome) -> Self {
        let is_compressed = |packet: &PacketHead| packet.data_status == DataStatus::Compressed as u8;
        let sent = match outcome.frames.last() {
            Some(frame) if frame.is_later() => Sent::AsItWas,
            Some(frame) if frame.compressed => Sent::Message(frame.len),
            Some(frame) if frame.packet.as_ref().is_some_and(is_compressed) => {
                Sent::Data(frame.len.saturating_sub(REPLY_HEADER_BYTES as u64))
            }
            Some(_) | None => Sent::AsItWas,
        };
        Run { later: outcome.frames.iter().any(Frame::is_later), sent, cost: outcome.cost }
    }
}

impl ReplaySource {
    fn call(&self) -> MutexGuard<'_, ReplayedCall> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the replay of a call with these recorded results.
    pub(crate) fn begin_call<'a>(&self, recorded: impl Iterator<Item = &'a Note>) {
        let mut call = self.call();
        *call = ReplayedCall { is_played: true, ..ReplayedCall::default() };
        let mut too_large = 0;
        for note in recorded {
            if let Note::Outcome { outcome } = note {
                call.runs.push_back(Run::of(outcome));
                let too_large = std::mem::take(&mut too_large);
                if outcome.by_application {
                    call.outcomes.push_back((outcome.clone(), too_large));
                }
            }
            match note {
                Note::TooLarge { packets } => too_large = *packets,
                Note::Timer { which: ANSWER_TIMER } => call.expired += 1,
                Note::Health { fails } => call.health = Some(*fails),
                Note::Forwarded { client, refused } => {
                    call.forwarded = Some((client.clone(), refused.clone()));
                }
                Note::Verdict { refused } => call.verdicts.push_back(refused.clone()),
                Note::Asked { allowed } => call.asked.push_back(*allowed),
                Note::PeerClose { valid } => call.found.push_back(*valid),
                Note::Decoded { hidden, result } => call.decoded.push_back((*hidden, result.clone())),
                Note::Inflated { len, head, error } => {
                    let (len, head, error) = (*len, head.0.clone(), *error);
                    call.inflated.push_back(Inflated { len, head, error });
                }
                Note::Compressing {} => call.is_compressing = true,
                _ => {}
            }
        }
    }

    /// Whether the health check failed; none if the request was no health check.
    pub(crate) fn health(&self) -> Option<bool> {
        self.call().health.take()
    }

    /// The client that the headers named, or the reason for a refusal; none if they were not read.
    pub(crate) fn forwarded(&self) -> Option<(Option<String>, Option<Reason>)> {
        self.call().forwarded.take()
    }

    /// The application's recorded answer to the upgrade.
    pub(crate) fn verdict(&self) -> Option<Option<Reason>> {
        self.call().verdicts.pop_front()
    }

    /// The recorded answer of the next predicate, or none for a panic. If the recording has none here, the
    /// fact that one was asked is the difference.
    pub(crate) fn asked(&self) -> Option<bool> {
        self.call().asked.pop_front().unwrap_or(Some(false))
    }

    /// The recorded actions of the next handler, and how many of its packets could never fit the outbox.
    pub(crate) fn outcome(&self) -> Option<(Outcome, u32)> {
        self.call().outcomes.pop_front()
    }

    /// Whether the deadline of the next deferred request passed in this call: an answer from another thread
    /// may have come first.
    pub(crate) fn take_expired(&self) -> bool {
        let mut call = self.call();
        let is_expired = call.expired > 0;
        call.expired = call.expired.saturating_sub(1);
        is_expired
    }

    /// Begins the next run of a handler, or of its substitute. Returns whether something still had to be
    /// compressed after it; none if the recording has no such run.
    pub(crate) fn begin_run(&self, by_connection: bool) -> Option<bool> {
        let mut call = self.call();
        let run = call.runs.pop_front();
        // The application's packets are sent in their recorded form.
        let own = run.filter(|_| by_connection);
        (call.sent, call.cost) = (own.map(|run| run.sent).unwrap_or_default(), own.map(|run| run.cost));
        run.map(|run| run.later)
    }

    /// Sets the form in which the next packet is sent.
    pub(crate) fn set_sent(&self, sent: Sent) {
        self.call().sent = sent;
    }

    /// The length of the compressed message that the current packet became, if it did, and the frames that
    /// the call has cost with it, if the connection sent it by itself.
    pub(crate) fn message(&self) -> Option<(usize, Option<u32>)> {
        let call = self.call();
        let Sent::Message(len) = call.sent else { return None };
        Some((usize::try_from(len).unwrap_or(usize::MAX), call.cost))
    }

    /// The length of the current packet's compressed Data, if compression made it shorter.
    pub(crate) fn compressed_data_len(&self) -> Option<usize> {
        let Sent::Data(len) = self.call().sent else { return None };
        Some(usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// Fills `out` with as many bytes as Data was decoded to, if a replay cannot decode it again. None if it
    /// can.
    ///
    /// # Panics
    /// If the recorded cipher panicked; the panic has no message.
    pub(crate) fn decode_again(&self, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>> {
        let decoded = self.call().decoded.pop_front();
        let (hidden, decoded) = decoded?;
        if !hidden {
            return None;
        }
        if decoded == (Decoded::Panicked {}) {
            std::panic::resume_unwind(Box::new("as it was recorded"));
        }
        absent_data(&decoded, out)
    }

    /// Fills `out` with as many bytes as Data was inflated to. None if it was not inflated in this call.
    pub(crate) fn inflate_data(&self, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>> {
        let decoded = self.call().decoded.pop_front();
        absent_data(&decoded?.1, out)
    }

    /// Fills `out` with as many bytes as a message was inflated to, starting with its recorded beginning.
    /// None if it was not inflated in this call.
    pub(crate) fn inflate_message(&self, out: &mut Vec<u8>) -> Option<Result<(), frame::Error>> {
        let inflated = self.call().inflated.pop_front()?;
        if let Some(number) = inflated.error {
            return Some(Err(codes::error(number).unwrap_or(frame::Error::BadDeflate)));
        }
        out.clear();
        out.extend_from_slice(&inflated.head);
        out.resize(usize::try_from(inflated.len).ok()?, 0);
        Some(Ok(()))
    }

    /// Whether a recording is being replayed. If not, this only collects notes.
    pub(crate) fn is_played(&self) -> bool {
        self.call().is_played
    }

    /// Whether a reply was being compressed when the client's time was up.
    pub(crate) fn is_compressing(&self) -> bool {
        self.call().is_compressing
    }

    /// Whether the next Close among discarded bytes is valid. None if there is none.
    pub(crate) fn found(&self) -> Option<bool> {
        self.call().found.pop_front()
    }

    /// Collects the actions of the connection.
    pub(super) fn noted(&self, notes: impl Iterator<Item = Note>) {
        self.call().noted.extend(notes);
    }

    /// Takes the actions of the connection in the finished call.
    pub(crate) fn take_noted(&self) -> Vec<Note> {
        std::mem::take(&mut self.call().noted)
    }
}

/// Fills `out` with as many bytes as Data was decoded to.
fn absent_data(decoded: &Decoded, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>> {
    Some(match decoded {
        Decoded::Data { len } => {
            out.clear();
            out.resize(usize::try_from(*len).ok()?, 0);
            Ok(())
        }
        Decoded::Undecodable { offence } => Err(codes::offence(*offence).unwrap_or(Undecodable::Cipher)),
        Decoded::Panicked {} => Err(Undecodable::Zlib),
    })
}
