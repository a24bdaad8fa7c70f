//! One client's place in a simulation: its script, its connection, and how the end of that is judged.

use std::time::Duration;

use super::client::{Client, Line};
use super::farewell::Farewell;
use super::fault::Fault;
use super::invariant::{Invariant, Violation};
use super::oracle::News;
use super::player::Player;
use super::report::mix_bytes;
use super::script::{End, Next, Script};

/// What happened on the server's side that can end a connection otherwise than its script means.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// The drain, once it has been asked for.
    pub(super) drain: Option<Drain>,
    /// When time jumped last, which nobody's timers may come any earlier by.
    pub(super) jumped_at: Option<Duration>,
    /// Descriptors have run out at some time.
    pub(super) exhausted: bool,
}

/// The server's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    pub(super) began_at: Duration,
    /// When listeners are closed, whoever waits there.
    pub(super) accepts_until: Duration,
    /// When all that are left are cut off.
    pub(super) gives_up_at: Duration,
    /// Since then an accept has said that nobody waits where somebody did, a fault that no system is known to have: that
    /// listener is closed.
    pub(super) is_misled: bool,
}

/// A connection with its client.
pub(super) struct Seat {
    pub(super) player: Player,
    pub(super) script: Box<dyn Script>,
    pub(super) line: Client,
    pub(super) next: Next,
    pub(super) began: Duration,
    /// The end was seen, and there is nobody left to act.
    pub(super) is_over: bool,
    said_end: bool,
    farewell: Farewell,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// None if the client itself cut it off.
    pub(super) end: Option<End>,
    pub(super) excused: bool,
}

impl Seat {
    pub(super) fn new(
        mut player: Player,
        script: Box<dyn Script>,
        line: Client,
        close_timeout: Duration,
    ) -> Self {
        let began = player.now();
        let farewell = Farewell::any(&mut player.random().fork(), close_timeout);
        Seat { player, script, line, next: Next::Rest, began, is_over: false, said_end: false, farewell }
    }

    /// Has the script act, and sends what it wants sent. When that has to be called [again](Self::flush).
    pub(super) fn act(&mut self, now: Duration) -> Option<Duration> {
        self.player.now = now;
        self.next = if self.farewell.has_begun() { Next::Rest } else { self.script.act(&mut self.player) };
        self.flush()
    }

    /// Sends what is to be sent now. If something is left, when more can leave.
    pub(super) fn flush(&mut self) -> Option<Duration> {
        if self.player.orders.reset {
            self.line.reset();
            self.is_over = true;
            return None;
        }
        loop {
            let piece = self.player.next_piece();
            if piece.is_empty() {
                self.farewell.said_all(self.player.now());
                break;
            }
            let (len, taken) = (piece.len(), self.line.send(piece));
            self.player.note_left(taken);
            if self.is_broken() {
                self.player.drop_outgoing();
                // Nobody is there any more who could learn how it ends.
                self.is_over |= self.line.fault() == Some(Fault::Vanish);
                return None;
            }
            if taken < len {
                // The network tells when there is room for the rest.
                return None;
            }
            if let Some((_, every)) = self.player.pace
                && !self.player.next_piece().is_empty()
            {
                return Some(every);
            }
        }
        if self.player.orders.half_close && !self.said_end {
            self.end();
        }
        None
    }

    fn end(&mut self) {
        self.said_end = true;
        self.line.finish();
    }

    /// Whether the network has cut off what the client sends.
    fn is_broken(&self) -> bool {
        matches!(self.line.fault(), Some(Fault::Reset | Fault::Vanish | Fault::HalfClose))
    }

    /// Takes what has come. How the connection ended, if it has.
    pub(super) fn receive(
        &mut self,
        now: Duration,
        weather: &Weather,
        trace: &mut u64,
        owner: impl Fn(u32) -> Option<u32>,
    ) -> Result<Option<Verdict>, Violation> {
        if self.player.is_deaf {
            return Ok(None);
        }
        self.player.now = now;
        let buffer = self.player.oracle.receiver.buffer();
        let before = buffer.len();
        let line = self.line.receive(buffer);
        *trace = mix_bytes(*trace, buffer.get(before..).unwrap_or_default());
        while let Some(news) = self.player.oracle.next(&owner, self.player.number())? {
            self.tell(news)?;
        }
        let refused = self.player.oracle.status.is_some_and(|status| status != 101);
        if !self.said_end && !self.player.lingers {
            let ends = match self.player.oracle.closed {
                Some(code) => self.farewell.begin(&mut self.player, code),
                None => refused,
            };
            if ends {
                self.player.drop_outgoing();
                self.end();
            }
        }
        if line == Line::Open {
            return Ok(None);
        }
        self.is_over = true;
        self.judge(line, weather).map(Some)
    }

    fn tell(&mut self, news: News) -> Result<(), Violation> {
        let Seat { player, script, .. } = self;
        let result = match news {
            News::Push(cmd, data) => script.pushed(player, cmd, &data),
            News::Message(text, payload) => script.messaged(player, text, &payload),
            News::Ping(payload) => {
                player.pinged(&payload);
                Ok(())
            }
            News::Other => Ok(()),
        };
        result.map_err(|seen| Violation::new(Invariant::Script, seen))
    }

    /// Holds the end of the connection against what the script means it to be.
    fn judge(&mut self, line: Line, weather: &Weather) -> Result<Verdict, Violation> {
        let oracle = &self.player.oracle;
        let end = match (oracle.closed, oracle.status) {
            (Some(code), _) => End::Closed(code),
            (None, Some(status)) if status != 101 => End::Refused(status),
            _ if line == Line::Ended => End::Silent,
            _ => End::Reset,
        };
        let is_meant = self.player.ends.contains(&end);
        oracle.check_none_missing()?;
        if self.line.fault().is_some() || self.is_excused(end, weather) {
            return Ok(Verdict { end: Some(end), excused: true });
        }
        if !is_meant {
            if self.player.other_ends.contains(&end) {
                return Ok(Verdict { end: Some(end), excused: false });
            }
            let seen =
                format!("{end:?} after {:?}, meant: {:?}", self.player.now() - self.began, self.player.ends);
            return Err(Violation::new(Invariant::RightEnd, seen));
        }
        let jumped = weather.jumped_at.is_some_and(|at| at >= self.began);
        let drains = weather.drain.is_some();
        if !drains {
            self.judge_time(end, jumped)?;
        }
        if !jumped && !drains {
            if let End::Closed(code) = end {
                self.farewell.judge(&self.player, line, code)?;
            }
            if !oracle.receiver.is_between() {
                return Err(Violation::new(Invariant::WellFormed, "the connection ended within a frame"));
            }
        }
        oracle.check_complete()?;
        Ok(Verdict { end: Some(end), excused: false })
    }

    /// Timers come later by the time for which the process stood still, and never earlier.
    fn judge_time(&self, end: End, jumped: bool) -> Result<(), Violation> {
        let now = self.player.now();
        let accepted_at = self.line.accepted_at().unwrap_or_default();
        let latest = self.player.latest.map(|(from, latest)| from.max(accepted_at) + latest);
        let earliest = self.player.earliest;
        if latest.is_some_and(|latest| now > latest && !jumped) || now < earliest {
            let seen = format!("{end:?} at {now:?}, and not between {earliest:?} and {latest:?}");
            return Err(Violation::new(Invariant::RightEnd, seen));
        }
        Ok(())
    }

    /// Whether an end that the script does not mean has a reason that lies outside of it.
    fn is_excused(&self, end: End, weather: &Weather) -> bool {
        let jumped = weather.jumped_at.is_some_and(|at| at >= self.began);
        let unanswered = self.player.oracle.status.is_none();
        match end {
            End::Closed(Some(1001)) | End::Refused(503) if weather.drain.is_some() => true,
            End::Silent | End::Reset if weather.drain.is_some_and(|drain| self.is_cut_off(drain)) => true,
            // What moved the timer that a script waits for gives it the time to do more than it means to.
            End::Closed(Some(4002)) | End::Silent | End::Reset if jumped => true,
            // One that is accepted in place of the spare descriptor is told as well as can be.
            End::Refused(503) if weather.exhausted => true,
            End::Silent | End::Reset if weather.exhausted && unanswered => true,
            _ => false,
        }
    }

    /// Whether a drain may end a client without an answer: all once it gives up; before that only those whom nobody has
    /// accepted, if they came after it had begun, the time in which they are accepted is over, or the server was told that
    /// they are not there.
    fn is_cut_off(&self, drain: Drain) -> bool {
        let now = self.player.now();
        let too_late = self.began > drain.began_at || now >= drain.accepts_until;
        now >= drain.gives_up_at || self.line.accepted_at().is_none() && (too_late || drain.is_misled)
    }
}
