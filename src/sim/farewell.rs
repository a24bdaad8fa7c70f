//! What a client does once the server has said its Close, and how the end that follows is judged.

use std::time::Duration;

use super::client::Line;
use super::invariant::{Invariant, Violation};
use super::player::Player;
use super::random::Random;
use crate::frame::Opcode;

/// A late answer leaves byte by byte, one each.
const LATE: Duration = Duration::from_millis(170);
/// Silence that is enough for the server after a violation.
const VIOLATION: Duration = Duration::from_millis(200);
/// What faults of the network delay, and the server's milliseconds.
const SLACK: Duration = Duration::from_millis(20);
/// By when an answer has its effect, whatever the network does.
const PROMPT: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Ends its side, without a Close.
    Ends,
    /// Answers, behind all that it had to send, and leaves the end of TCP to the server.
    Answers,
    AnswersAndEnds,
    /// Answers so slowly that the server may not wait for all of it.
    AnswersLate,
    /// Does not answer, and waits for the server's end.
    Silent,
}

const MANNERS: [Manner; 5] =
    [Manner::Ends, Manner::Answers, Manner::AnswersAndEnds, Manner::AnswersLate, Manner::Silent];

/// One client's way to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Farewell {
    manner: Manner,
    close_timeout: Duration,
    /// When the server's Close was seen.
    heard_at: Option<Duration>,
    /// When all of the answer had left.
    answered_at: Option<Duration>,
}

impl Farewell {
    pub(super) fn any(random: &mut Random, close_timeout: Duration) -> Self {
        let manner = MANNERS.get(random.index(MANNERS.len())).copied().unwrap_or(Manner::Answers);
        Farewell { manner, close_timeout, heard_at: None, answered_at: None }
    }

    /// Whether the server's Close was seen: nothing is sent any more but the answer.
    pub(super) fn has_begun(&self) -> bool {
        self.heard_at.is_some()
    }

    /// The server's Close has come, with that code. Whether the client ends its side at once.
    pub(super) fn begin(&mut self, player: &mut Player, code: Option<u16>) -> bool {
        if self.has_begun() {
            return false;
        }
        self.heard_at = Some(player.now());
        // Its own Close came first, or is on its way: that is all that it has to say.
        let has_answered = player.said_goodbye || player.sent_close;
        match self.manner {
            Manner::Ends => {
                player.drop_outgoing();
                return true;
            }
            Manner::Silent => player.drop_outgoing(),
            Manner::Answers | Manner::AnswersAndEnds | Manner::AnswersLate if has_answered => {}
            Manner::Answers | Manner::AnswersAndEnds => {
                player.clear_pace();
                answer(player, code);
            }
            Manner::AnswersLate => {
                player.drop_outgoing();
                player.set_pace(1, LATE);
                answer(player, code);
            }
        }
        player.orders.half_close |= self.manner == Manner::AnswersAndEnds;
        false
    }

    /// All that the client has to say has left.
    pub(super) fn said_all(&mut self, now: Duration) {
        if self.has_begun() {
            self.answered_at.get_or_insert(now);
        }
    }

    /// Holds the end of the connection against the time and the way in which it has to come. To be called where neither
    /// the network nor the server's own end excuses anything.
    pub(super) fn judge(&self, player: &Player, line: Line, code: Option<u16>) -> Result<(), Violation> {
        let Some(heard_at) = self.heard_at.filter(|_| !player.lingers && !player.was_deaf) else {
            return Ok(());
        };
        let after = player.now() - heard_at;
        let fail = |what: &str| {
            let seen = format!("{what} {after:?} after the Close {code:?}, {self:?}");
            Err(Violation::new(Invariant::RightEnd, seen))
        };
        if line == Line::Reset && !after.is_zero() {
            return fail("a reset");
        }
        // Bytes of any kind may be taken for a Close, or for a frame within which the answer lies.
        if player.sent_raw || player.said_goodbye || player.sent_close {
            return Ok(());
        }
        let is_violation = matches!(code, Some(1002 | 1007));
        let quiet = if is_violation { self.close_timeout.min(VIOLATION) } else { self.close_timeout };
        match (self.manner, self.answered_at) {
            (Manner::Silent, _) if after + SLACK < quiet => fail("the end, too early,"),
            (Manner::Answers | Manner::AnswersAndEnds, Some(at)) if player.now() - at > PROMPT => {
                fail("the end, too late,")
            }
            _ => Ok(()),
        }
    }
}

fn answer(player: &mut Player, code: Option<u16>) {
    let code = code.map(u16::to_be_bytes);
    // Not as if the client had begun.
    let sent_close = player.sent_close;
    player.frame(true, Opcode::Close, code.as_slice().as_flattened());
    player.sent_close = sent_close;
}
