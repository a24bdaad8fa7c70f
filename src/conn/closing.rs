//! Ends a connection after the server's Close: when to send FIN and close the socket.
//!
//! ```text
//! Writing ──▶ Unacknowledged ──▶ Waiting ──▶ Ended ──▶ closed
//!    └───────────────┴──────────────────────────▲
//!      the client's Close, or none is waited for
//! ```
//!
//! Behind a proxy, a FIN right after the Close would end both directions while the client still sends. Its
//! bytes would then be answered with a reset, which overtakes the Close.

use super::settings::{MAX_CLOSE_TIMEOUTS, Settings};
use crate::cause::Cause;
use crate::frame::{CloseCode, Found, Skipper};
use crate::moment::Moment;
use crate::recording::ReplaySource;

/// Milliseconds of silence that end the wait where no Close can be expected: after a violation, since a later
/// Close may not be recognised, and after the client's own Close.
const QUIET_MS: u64 = 200;
/// Milliseconds until the socket is first asked whether everything is acknowledged. Each further wait
/// doubles.
const FIRST_LOOK_MS: u64 = 10;
/// Bytes that a client has to take in each read timeout until it has everything. Without a read timeout, the
/// period is `MAX_CLOSE_TIMEOUTS` close timeouts.
const MIN_TAKEN_BYTES: i64 = 1024;

/// A socket's report on the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketReport {
    /// Bytes that the client's system has not acknowledged; none where this system does not report them.
    pub(crate) unacknowledged: Option<u64>,
    /// A count of the bytes that the client's system took. It starts anywhere, and wraps.
    pub(crate) taken: u64,
    /// No input is waiting to be read.
    pub(crate) is_idle: bool,
}

/// Whether the client's Close has come, or still can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    /// It may have been sent unrecognised, or was invalid.
    Doubtful,
    /// It did not come in time.
    Late,
    Come,
    /// The client said that it will send none, or it speaks HTTP.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClosingStage {
    /// The socket has not taken all output.
    Writing,
    /// The client's system may not have all output.
    Unacknowledged,
    /// The client's Close is awaited. The last byte came at `since`.
    Waiting { since: Moment },
    /// The sending side was shut down at this time.
    Ended { at: Moment },
}

/// Finds the client's Close among discarded bytes.
#[derive(Debug)]
enum CloseFinder {
    /// Parses each frame.
    Frames(Box<Skipper>),
    /// No Close is expected.
    Nothing,
    /// Taken from a recording, which does not hold the bytes.
    Recorded(ReplaySource),
}

#[derive(Debug)]
pub(super) struct Closing {
    pub(super) cause: Cause,
    stage: ClosingStage,
    answer: Answer,
    finder: CloseFinder,
    /// When to ask the socket next what is acknowledged, and the wait before that.
    look_at: Moment,
    look_ms: u64,
    /// When the client had last taken enough, and its count at that time.
    checked_at: Moment,
    taken: Option<u64>,
    /// The latest time of the end, whatever the client does.
    until: Moment,
}

impl Closing {
    /// Begins to close the connection. `frames` makes the skipper for the frames that the client sends from
    /// here on.
    pub(super) fn new(cause: Cause, frames: impl FnOnce() -> Skipper, now: Moment) -> Self {
        let answer = match cause {
            Cause::PeerClosed(_) => Answer::Come,
            Cause::Refused(_) | Cause::HealthCheck | Cause::PeerGone => Answer::Never,
            Cause::Protocol(error) => match error.close_code() {
                CloseCode::PROTOCOL_ERROR | CloseCode::BAD_UTF8 => Answer::Doubtful,
                _ => Answer::Awaited,
            },
            _ => Answer::Awaited,
        };
        let is_expected = matches!(answer, Answer::Awaited | Answer::Doubtful);
        Closing {
            cause,
            stage: ClosingStage::Writing,
            answer,
            finder: if is_expected { CloseFinder::Frames(Box::new(frames())) } else { CloseFinder::Nothing },
            look_at: now.after(FIRST_LOOK_MS),
            look_ms: FIRST_LOOK_MS,
            checked_at: now,
            taken: None,
            until: Moment::NEVER,
        }
    }

    /// From now on takes from `source` which frames are found, and whether a reply is being compressed.
    pub(super) fn replay(&mut self, source: ReplaySource) {
        self.finder = CloseFinder::Recorded(source);
    }

    /// Searches the next bytes for the client's Close.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> Found {
        match (self.answer, &mut self.finder) {
            (Answer::Awaited | Answer::Doubtful | Answer::Late, CloseFinder::Frames(frames)) => {
                frames.skip(bytes)
            }
            (_, CloseFinder::Recorded(source)) => match source.found() {
                Some(true) => Found::Close,
                Some(false) => Found::InvalidClose,
                None => Found::Nothing,
            },
            _ => Found::Nothing,
        }
    }

    /// Whether a reply is being compressed; `has_jobs` is the outbox's answer.
    pub(super) fn is_compressing(&self, has_jobs: bool) -> bool {
        match &self.finder {
            CloseFinder::Recorded(source) => source.is_compressing(),
            CloseFinder::Frames(_) | CloseFinder::Nothing => has_jobs,
        }
    }

    /// Records bytes in which this was `found`. True if the deadline may be earlier now.
    pub(super) fn heard(&mut self, found: Found, now: Moment) -> bool {
        match &mut self.stage {
            ClosingStage::Waiting { since } => *since = now,
            ClosingStage::Ended { .. } => self.look_at = now.after(QUIET_MS),
            ClosingStage::Writing | ClosingStage::Unacknowledged => {}
        }
        self.answer = match (found, self.answer) {
            (Found::Close, Answer::Awaited | Answer::Doubtful | Answer::Late) => Answer::Come,
            (Found::InvalidClose, Answer::Awaited) => Answer::Doubtful,
            (_, answer) => answer,
        };
        found != Found::Nothing
    }

    /// The socket has taken all output; `ended` says that the client sends no more. Returns true, once, if
    /// the sending side is to be shut down.
    pub(super) fn written(&mut self, ended: bool, now: Moment) -> bool {
        let is_awaited = matches!(self.answer, Answer::Awaited | Answer::Doubtful);
        let waits = is_awaited && !ended;
        match self.stage {
            ClosingStage::Ended { .. } => false,
            ClosingStage::Writing if waits => {
                self.stage = ClosingStage::Unacknowledged;
                self.look_ms = FIRST_LOOK_MS;
                self.look_at = now.after(FIRST_LOOK_MS);
                false
            }
            ClosingStage::Unacknowledged | ClosingStage::Waiting { .. } if waits => false,
            ClosingStage::Writing | ClosingStage::Unacknowledged | ClosingStage::Waiting { .. } => {
                self.stage = ClosingStage::Ended { at: now };
                self.look_at = now.after(QUIET_MS);
                true
            }
        }
    }

    /// Whether the socket has not taken all output.
    pub(super) fn is_writing(&self) -> bool {
        self.stage == ClosingStage::Writing
    }

    /// Waits for output that the server itself delays. True if that took too long.
    pub(super) fn wait_for_server(&mut self, now: Moment, settings: &Settings) -> bool {
        if self.until == Moment::NEVER {
            self.until = self.checked_at.after(longest_ms(settings));
        }
        (self.taken, self.checked_at) = (None, now);
        self.look_later(settings.close_ms, now);
        self.look_at = self.look_at.min(self.until);
        self.until <= now
    }

    /// Whether the sending side was shut down.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, ClosingStage::Ended { .. })
    }

    /// Whether [`handle_timeout`](Self::handle_timeout) needs the socket's report.
    pub(super) fn asks(&self) -> bool {
        match self.stage {
            ClosingStage::Writing | ClosingStage::Unacknowledged => true,
            ClosingStage::Waiting { .. } => false,
            ClosingStage::Ended { .. } => self.answer == Answer::Come,
        }
    }

    /// When its timer is due.
    pub(super) fn deadline(&self, settings: &Settings) -> Moment {
        let close_ms = settings.close_ms;
        let fair = |since: Moment, ms| settings.stalls.moved(since.after(ms), ms);
        match self.stage {
            ClosingStage::Writing | ClosingStage::Unacknowledged => self.look_at,
            ClosingStage::Waiting { since } => {
                let ms = if self.answer == Answer::Doubtful { close_ms.min(QUIET_MS) } else { close_ms };
                fair(since, ms).min(settings.stalls.moved(self.until, longest_ms(settings)))
            }
            ClosingStage::Ended { at } if self.answer == Answer::Come => fair(at, close_ms).min(self.look_at),
            ClosingStage::Ended { at } => fair(at, close_ms),
        }
    }

    /// Handles the [deadline](Self::deadline). True if the socket is to be closed.
    pub(super) fn handle_timeout(
        &mut self,
        line: Option<SocketReport>,
        now: Moment,
        settings: &Settings,
    ) -> bool {
        match self.stage {
            ClosingStage::Writing | ClosingStage::Unacknowledged => self.look(line, now, settings),
            ClosingStage::Waiting { .. } => {
                self.answer = Answer::Late;
                false
            }
            ClosingStage::Ended { at } => {
                let close_ms = settings.close_ms;
                let is_over = settings.stalls.moved(at.after(close_ms), close_ms) <= now;
                // The client has everything and sends nothing more, so closing causes no reset.
                let is_done = line.is_some_and(|line| line.is_idle && line.unacknowledged == Some(0));
                self.look_at = now.after(QUIET_MS);
                is_over || (is_done && self.answer == Answer::Come)
            }
        }
    }

    /// Compares what the client has taken with what it has to take. True if it takes too little.
    fn look(&mut self, line: Option<SocketReport>, now: Moment, settings: &Settings) -> bool {
        let most_ms = longest_ms(settings);
        let is_written = self.stage == ClosingStage::Unacknowledged;
        let unacknowledged = line.and_then(|line| line.unacknowledged).unwrap_or(0);
        if is_written && unacknowledged == 0 {
            self.stage = ClosingStage::Waiting { since: now };
            self.until = now.after(most_ms);
            return false;
        }
        let period_ms = if settings.read_ms == 0 { most_ms } else { settings.read_ms };
        let taken = line.map_or(0, |line| line.taken);
        let is_enough = self.taken.is_none_or(|before| taken.wrapping_sub(before) as i64 >= MIN_TAKEN_BYTES);
        if is_enough {
            (self.taken, self.checked_at) = (Some(taken), now);
        }
        let cut_at = settings.stalls.moved(self.checked_at.after(period_ms), period_ms);
        self.look_later(if is_written { settings.close_ms } else { period_ms }, now);
        self.look_at = self.look_at.min(cut_at);
        cut_at <= now
    }

    fn look_later(&mut self, most_ms: u64, now: Moment) {
        self.look_ms = self.look_ms.saturating_mul(2).min(most_ms).max(1);
        self.look_at = now.after(self.look_ms);
    }
}

/// The most milliseconds by which a client that keeps sending can delay the end.
fn longest_ms(settings: &Settings) -> u64 {
    settings.close_ms.saturating_mul(u64::from(MAX_CLOSE_TIMEOUTS))
}
