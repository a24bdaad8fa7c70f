//! From the server's Close to the end of the socket: when the server's own end (FIN) goes out, and when the socket
//! is closed.
//!
//! ```text
//! Writing ──▶ Unacknowledged ──▶ Waiting ──▶ Ended ──▶ closed
//!    └───────────────┴──────────────────────────▲
//!      the client's Close, or none is waited for
//! ```
//!
//! An end right behind the Close would, behind a proxy, end both directions while the client still sends, and what it
//! sends would come back as a reset that overtakes the Close.

use super::settings::{MAX_CLOSE_TIMEOUTS, Settings};
use crate::cause::Cause;
use crate::frame::{CloseCode, Found, Skipper};
use crate::moment::Moment;
use crate::recording::ReplaySource;

/// Milliseconds of silence that are enough where no Close is to be expected: after a violation, behind which it may
/// not be recognised, and after the client's own.
const QUIET_MS: u64 = 200;
/// Milliseconds until it is first looked at whether all is acknowledged. From then on the wait doubles each time.
const FIRST_LOOK_MS: u64 = 10;
/// Bytes that a client has to take within each read timeout until it has all; where there is none, within as many
/// close timeouts as above.
const MIN_TAKEN_BYTES: i64 = 1024;

/// What a socket reports of the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketReport {
    /// Bytes that the client's system has not acknowledged; none where this system cannot tell.
    pub(crate) unacknowledged: Option<u64>,
    /// Grows by one with each byte that the client's system takes. It begins anywhere, and wraps.
    pub(crate) taken: u64,
    /// Nothing lies unread.
    pub(crate) is_idle: bool,
}

/// What is known of the client's Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    /// It may come and not be recognised, or has come and was invalid.
    Doubtful,
    /// It was waited for long enough.
    Late,
    Come,
    /// The client has said that it sends none, or speaks HTTP.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not all has been given to the socket.
    Writing,
    /// The client's system may not have all.
    Unacknowledged,
    /// The client's Close is waited for. No byte has come since then.
    Waiting { since: Moment },
    /// The sending side was shut down then.
    Ended { at: Moment },
}

/// What finds the client's Close among bytes that are thrown away.
#[derive(Debug)]
enum CloseFinder {
    /// The frames are gone through.
    Frames(Box<Skipper>),
    /// No Close is to be expected.
    Nothing,
    /// A recording says what was found: it does not hold the bytes.
    Recorded(ReplaySource),
}

#[derive(Debug)]
pub(super) struct Closing {
    pub(super) cause: Cause,
    stage: Stage,
    answer: Answer,
    finder: CloseFinder,
    /// When the socket is asked what is acknowledged, and how long it was not before that.
    look_at: Moment,
    look_ms: u64,
    /// When the client had last taken enough, and what it had taken by then.
    checked_at: Moment,
    taken: Option<u64>,
    /// No client can put off the end beyond this.
    until: Moment,
}

impl Closing {
    /// The connection closes from now on. `frames` makes what goes through the frames that the client sends from here.
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
            stage: Stage::Writing,
            answer,
            finder: if is_expected { CloseFinder::Frames(Box::new(frames())) } else { CloseFinder::Nothing },
            look_at: now.after(FIRST_LOOK_MS),
            look_ms: FIRST_LOOK_MS,
            checked_at: now,
            taken: None,
            until: Moment::NEVER,
        }
    }

    /// Takes from `source` what is found, and whether a reply is being compressed, from now on.
    pub(super) fn replay(&mut self, source: ReplaySource) {
        self.finder = CloseFinder::Recorded(source);
    }

    /// What is among the bytes that come next.
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

    /// Whether a reply is being compressed, where the outbox says so or not.
    pub(super) fn is_compressing(&self, has_jobs: bool) -> bool {
        match &self.finder {
            CloseFinder::Recorded(source) => source.is_compressing(),
            CloseFinder::Frames(_) | CloseFinder::Nothing => has_jobs,
        }
    }

    /// Bytes came, and this was found among them. True if it may be due earlier.
    pub(super) fn heard(&mut self, found: Found, now: Moment) -> bool {
        match &mut self.stage {
            Stage::Waiting { since } => *since = now,
            Stage::Ended { .. } => self.look_at = now.after(QUIET_MS),
            Stage::Writing | Stage::Unacknowledged => {}
        }
        self.answer = match (found, self.answer) {
            (Found::Close, Answer::Awaited | Answer::Doubtful | Answer::Late) => Answer::Come,
            (Found::InvalidClose, Answer::Awaited) => Answer::Doubtful,
            (_, answer) => answer,
        };
        found != Found::Nothing
    }

    /// The socket has taken all that there was; `ended`: the client sends no more. True if the sending side is to be
    /// shut down, which is said once.
    pub(super) fn written(&mut self, ended: bool, now: Moment) -> bool {
        let is_awaited = matches!(self.answer, Answer::Awaited | Answer::Doubtful);
        let waits = is_awaited && !ended;
        match self.stage {
            Stage::Ended { .. } => false,
            Stage::Writing if waits => {
                self.stage = Stage::Unacknowledged;
                self.look_ms = FIRST_LOOK_MS;
                self.look_at = now.after(FIRST_LOOK_MS);
                false
            }
            Stage::Unacknowledged | Stage::Waiting { .. } if waits => false,
            Stage::Writing | Stage::Unacknowledged | Stage::Waiting { .. } => {
                self.stage = Stage::Ended { at: now };
                self.look_at = now.after(QUIET_MS);
                true
            }
        }
    }

    /// Whether something has not been given to the socket.
    pub(super) fn is_writing(&self) -> bool {
        self.stage == Stage::Writing
    }

    /// It is the server that is late with what the client is to be sent. True: it was waited for long enough.
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
        matches!(self.stage, Stage::Ended { .. })
    }

    /// Whether [`handle_timeout`](Self::handle_timeout) has to know what the socket says.
    pub(super) fn asks(&self) -> bool {
        match self.stage {
            Stage::Writing | Stage::Unacknowledged => true,
            Stage::Waiting { .. } => false,
            Stage::Ended { .. } => self.answer == Answer::Come,
        }
    }

    /// When it has to be looked at.
    pub(super) fn deadline(&self, settings: &Settings) -> Moment {
        let close_ms = settings.close_ms;
        let fair = |since: Moment, ms| settings.stalls.moved(since.after(ms), ms);
        match self.stage {
            Stage::Writing | Stage::Unacknowledged => self.look_at,
            Stage::Waiting { since } => {
                let ms = if self.answer == Answer::Doubtful { close_ms.min(QUIET_MS) } else { close_ms };
                fair(since, ms).min(settings.stalls.moved(self.until, longest_ms(settings)))
            }
            Stage::Ended { at } if self.answer == Answer::Come => fair(at, close_ms).min(self.look_at),
            Stage::Ended { at } => fair(at, close_ms),
        }
    }

    /// To be called when it is [due](Self::deadline). True: the socket is to be closed.
    pub(super) fn handle_timeout(
        &mut self,
        line: Option<SocketReport>,
        now: Moment,
        settings: &Settings,
    ) -> bool {
        match self.stage {
            Stage::Writing | Stage::Unacknowledged => self.look(line, now, settings),
            Stage::Waiting { .. } => {
                self.answer = Answer::Late;
                false
            }
            Stage::Ended { at } => {
                let close_ms = settings.close_ms;
                let is_over = settings.stalls.moved(at.after(close_ms), close_ms) <= now;
                // The client has got all, and has said that it sends nothing more: nothing would be answered with a
                // reset.
                let is_done = line.is_some_and(|line| line.is_idle && line.unacknowledged == Some(0));
                self.look_at = now.after(QUIET_MS);
                is_over || (is_done && self.answer == Answer::Come)
            }
        }
    }

    /// Looks at what the client has taken. True: it takes too little.
    fn look(&mut self, line: Option<SocketReport>, now: Moment, settings: &Settings) -> bool {
        let most_ms = longest_ms(settings);
        let is_written = self.stage == Stage::Unacknowledged;
        let unacknowledged = line.and_then(|line| line.unacknowledged).unwrap_or(0);
        if is_written && unacknowledged == 0 {
            self.stage = Stage::Waiting { since: now };
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

/// Milliseconds by which a client that goes on sending can put off the end.
fn longest_ms(settings: &Settings) -> u64 {
    settings.close_ms.saturating_mul(u64::from(MAX_CLOSE_TIMEOUTS))
}
