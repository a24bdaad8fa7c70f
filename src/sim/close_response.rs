//! How a client responds to the server's Close frame, and whether the server then ends the connection in
//! time.

use std::time::Duration;

use super::client::StreamState;
use super::invariant::{Invariant, Violation};
use super::random::Random;
use super::script_runner::ScriptRunner;
use crate::frame::Opcode;

/// The time between two bytes of a late answer.
const LATE_BYTE: Duration = Duration::from_millis(170);
/// After a violation the server waits for so long without hearing anything.
const VIOLATION_QUIET: Duration = Duration::from_millis(200);
/// Delays by the network's faults, and the server's rounding to milliseconds.
const SLACK: Duration = Duration::from_millis(20);
/// The longest time from an answer to the end, whatever the network does.
const PROMPT: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Ends its direction, without a Close.
    Ends,
    /// Answers, behind all that it had to send, and leaves the end of TCP to the server.
    Answers,
    AnswersAndEnds,
    /// Answers so slowly that the server need not wait for all of it.
    AnswersLate,
    /// Does not answer, and waits for the server's end.
    Silent,
}

const STYLES: [Style; 5] =
    [Style::Ends, Style::Answers, Style::AnswersAndEnds, Style::AnswersLate, Style::Silent];

/// The response of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct CloseResponse {
    style: Style,
    close_timeout: Duration,
    /// When the server's Close came.
    heard_at: Option<Duration>,
    /// When all of the answer had left.
    answered_at: Option<Duration>,
}

impl CloseResponse {
    pub(super) fn any(random: &mut Random, close_timeout: Duration) -> Self {
        let style = STYLES.get(random.index(STYLES.len())).copied().unwrap_or(Style::Answers);
        CloseResponse { style, close_timeout, heard_at: None, answered_at: None }
    }

    /// Whether the server's Close has come: the client sends nothing more but its answer.
    pub(super) fn has_begun(&self) -> bool {
        self.heard_at.is_some()
    }

    /// The server's Close has come, with that code. Returns whether the client ends its direction at once.
    pub(super) fn begin(&mut self, runner: &mut ScriptRunner, code: Option<u16>) -> bool {
        if self.has_begun() {
            return false;
        }
        self.heard_at = Some(runner.now());
        // A Close of its own, sent or on its way, is the answer.
        let has_answered = runner.has_closed || runner.sent_close;
        match self.style {
            Style::Ends => {
                runner.outgoing.clear();
                return true;
            }
            Style::Silent => runner.outgoing.clear(),
            Style::Answers | Style::AnswersAndEnds | Style::AnswersLate if has_answered => {}
            Style::Answers | Style::AnswersAndEnds => {
                runner.clear_pace();
                answer(runner, code);
            }
            Style::AnswersLate => {
                runner.outgoing.clear();
                runner.set_pace(1, LATE_BYTE);
                answer(runner, code);
            }
        }
        runner.orders.half_close |= self.style == Style::AnswersAndEnds;
        false
    }

    /// All that the client had to send has left.
    pub(super) fn all_sent(&mut self, now: Duration) {
        if self.has_begun() {
            self.answered_at.get_or_insert(now);
        }
    }

    /// Checks when and how the connection ended. Only for ends that neither the network nor a drain excuses.
    pub(super) fn judge(
        &self,
        runner: &ScriptRunner,
        state: StreamState,
        code: Option<u16>,
    ) -> Result<(), Violation> {
        let Some(heard_at) =
            self.heard_at.filter(|_| !runner.ignores_close && !runner.ever_stopped_receiving)
        else {
            return Ok(());
        };
        let after = runner.now() - heard_at;
        let fail = |what: &str| {
            let seen = format!("{what} {after:?} after the Close {code:?}, {self:?}");
            Err(Violation::new(Invariant::RightEnd, seen))
        };
        if state == StreamState::Reset && !after.is_zero() {
            return fail("a reset");
        }
        // Raw bytes may be taken for a Close, or for a frame that contains the answer.
        if runner.sent_raw || runner.has_closed || runner.sent_close {
            return Ok(());
        }
        let is_violation = matches!(code, Some(1002 | 1007));
        let quiet = if is_violation { self.close_timeout.min(VIOLATION_QUIET) } else { self.close_timeout };
        match (self.style, self.answered_at) {
            (Style::Silent, _) if after + SLACK < quiet => fail("the end, too early,"),
            (Style::Answers | Style::AnswersAndEnds, Some(at)) if runner.now() - at > PROMPT => {
                fail("the end, too late,")
            }
            _ => Ok(()),
        }
    }
}

fn answer(runner: &mut ScriptRunner, code: Option<u16>) {
    let code = code.map(u16::to_be_bytes);
    // `sent_close` stands for a Close with which the client begins.
    let sent_close = runner.sent_close;
    runner.frame(true, Opcode::Close, code.as_slice().as_flattened());
    runner.sent_close = sent_close;
}
