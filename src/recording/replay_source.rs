//! The parts of a recording that a replay cannot compute: the actions of the application, and the meaning of
//! bytes that the recording does not hold.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::frame;
use crate::packet::{DataStatus, REPLY_HEADER_BYTES, Undecodable};
use crate::recording::codes::{self, Reason};
use crate::recording::frame::{Frame, PacketHead};
use crate::recording::note::{Decoded, Note, Outcome};

/// The notes of the current call: from the recording, and from the replay. Shared by the driver of the
/// replay, by the application that replaces the recorded one, by the codecs, and by the recorder of the
/// replay.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplaySource {
    shared: Arc<Mutex<ReplayedCall>>,
}

/// Of one call, in order.
#[derive(Debug, Default)]
struct ReplayedCall {
    health: Option<bool>,
    forwarded: Option<(Option<String>, Option<Reason>)>,
    verdicts: VecDeque<Option<Reason>>,
    /// What handlers of the application did.
    outcomes: VecDeque<Outcome>,
    /// Of these, and of what answered in the place of a handler.
    runs: VecDeque<Run>,
    /// What became of the packet of the run in hand.
    sent: Sent,
    decoded: VecDeque<(bool, Decoded)>,
    inflated: VecDeque<Inflated>,
    /// There is a recording.
    is_played: bool,
    /// A reply was being compressed.
    is_compressing: bool,
    found: VecDeque<bool>,
    /// The notes of the replay.
    noted: Vec<Note>,
}

/// What came of inflating a message.
#[derive(Debug)]
struct Inflated {
    len: u64,
    /// The beginning of it.
    head: Vec<u8>,
    /// The number of the error, if it does not inflate.
    error: Option<u16>,
}

/// The compressed part of the output of a handler, or of a built-in answer.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Something of it had yet to be compressed.
    later: bool,
    /// What its only packet became.
    sent: Sent,
}

/// What became of a packet that was compressed at once, if it was.
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
        Run { later: outcome.frames.iter().any(Frame::is_later), sent }
    }
}

impl ReplaySource {
    fn call(&self) -> MutexGuard<'_, ReplayedCall> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the replay of a call of which this was recorded.
    pub(crate) fn begin_call<'a>(&self, recorded: impl Iterator<Item = &'a Note>) {
        let mut call = self.call();
        *call = ReplayedCall { is_played: true, ..ReplayedCall::default() };
        for note in recorded {
            if let Note::Outcome { outcome } = note {
                call.runs.push_back(Run::of(outcome));
            }
            match note {
                Note::Health { fails } => call.health = Some(*fails),
                Note::Forwarded { client, refused } => {
                    call.forwarded = Some((client.clone(), refused.clone()));
                }
                Note::Verdict { refused } => call.verdicts.push_back(refused.clone()),
                Note::Outcome { outcome } if outcome.by_application => {
                    call.outcomes.push_back(outcome.clone())
                }
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

    /// The client that the headers named, or why it was refused; none if they were not looked at.
    pub(crate) fn forwarded(&self) -> Option<(Option<String>, Option<Reason>)> {
        self.call().forwarded.take()
    }

    /// The application's answer to the upgrade.
    pub(crate) fn verdict(&self) -> Option<Option<Reason>> {
        self.call().verdicts.pop_front()
    }

    /// What its next handler did.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.call().outcomes.pop_front()
    }

    /// A handler runs next, or what answers in its place. Whether something had yet to be compressed once it
    /// had run; none if the recording has no such run.
    pub(crate) fn begin_run(&self, by_connection: bool) -> Option<bool> {
        let mut call = self.call();
        let run = call.runs.pop_front();
        // The application's output is sent in its recorded form.
        call.sent = run.filter(|_| by_connection).map(|run| run.sent).unwrap_or_default();
        run.map(|run| run.later)
    }

    /// Sets what becomes of the packet that is sent next.
    pub(crate) fn set_sent(&self, sent: Sent) {
        self.call().sent = sent;
    }

    /// The length of the compressed message that the packet in hand became, if it became one.
    pub(crate) fn message_len(&self) -> Option<usize> {
        let Sent::Message(len) = self.call().sent else { return None };
        Some(usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// The length of the compressed Data of the packet in hand, if that became shorter.
    pub(crate) fn compressed_data_len(&self) -> Option<usize> {
        let Sent::Data(len) = self.call().sent else { return None };
        Some(usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// Puts into `out` as many bytes as Data was decoded to, if a replay cannot decode it again. None: it
    /// can.
    ///
    /// # Panics
    /// Where the recorded cipher did, without a message.
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

    /// Puts into `out` as many bytes as Data was inflated to. None: it was not inflated in this call.
    pub(crate) fn inflate_data(&self, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>> {
        let decoded = self.call().decoded.pop_front();
        absent_data(&decoded?.1, out)
    }

    /// Puts into `out` as many bytes as a message was inflated to, with its recorded beginning. None: it was
    /// not inflated in this call.
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

    /// Whether a recording is being replayed. Otherwise this only collects notes.
    pub(crate) fn is_played(&self) -> bool {
        self.call().is_played
    }

    /// Whether a reply was being compressed when the client's time was up.
    pub(crate) fn is_compressing(&self) -> bool {
        self.call().is_compressing
    }

    /// Whether the next Close among the discarded bytes is valid. None: there is none.
    pub(crate) fn found(&self) -> Option<bool> {
        self.call().found.pop_front()
    }

    /// Collects the connection's notes from now on.
    pub(super) fn noted(&self, notes: impl Iterator<Item = Note>) {
        self.call().noted.extend(notes);
    }

    /// Its notes of the finished call.
    pub(crate) fn take_noted(&self) -> Vec<Note> {
        std::mem::take(&mut self.call().noted)
    }
}

/// Puts as many bytes into `out` as Data was decoded to.
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
