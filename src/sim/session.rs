//! One connection of a simulated client: its script acts on it, and its end is judged.

use std::time::Duration;

use super::client::{Client, StreamState};
use super::close_response::CloseResponse;
use super::fault::Fault;
use super::incidents::{Drain, Incidents};
use super::invariant::{Invariant, Violation};
use super::oracle::Delivered;
use super::report::mix_bytes;
use super::script::{End, Next, Script};
use super::script_runner::ScriptRunner;

/// A connection, with the script that drives it.
pub(super) struct Session {
    pub(super) runner: ScriptRunner,
    pub(super) script: Box<dyn Script>,
    pub(super) stream: Client,
    pub(super) next: Next,
    pub(super) began: Duration,
    /// The connection has ended for the client, which acts no more.
    pub(super) is_over: bool,
    /// The client has ended its direction.
    has_ended_input: bool,
    close_response: CloseResponse,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// None if the client itself cut it off.
    pub(super) end: Option<End>,
    /// The script did not expect this end, and an incident or a fault explains it.
    pub(super) excused: bool,
}

impl Session {
    pub(super) fn new(
        mut runner: ScriptRunner,
        script: Box<dyn Script>,
        stream: Client,
        close_timeout: Duration,
    ) -> Self {
        let began = runner.now();
        let close_response = CloseResponse::any(&mut runner.random().fork(), close_timeout);
        let (is_over, has_ended_input) = (false, false);
        Session { runner, script, stream, next: Next::Rest, began, is_over, has_ended_input, close_response }
    }

    /// Lets the script act, and sends its output. Returns when to [`flush`](Self::flush) again.
    pub(super) fn act(&mut self, now: Duration) -> Option<Duration> {
        self.runner.now = now;
        let is_closing = self.close_response.has_begun();
        self.next = if is_closing { Next::Rest } else { self.script.act(&mut self.runner) };
        self.flush()
    }

    /// Sends what may leave now. Returns when more may, if the script has set a pace.
    pub(super) fn flush(&mut self) -> Option<Duration> {
        if self.runner.orders.reset {
            self.stream.reset();
            self.is_over = true;
            return None;
        }
        loop {
            let piece = self.runner.outgoing.next_piece();
            if piece.is_empty() {
                self.close_response.all_sent(self.runner.now());
                break;
            }
            let (len, taken) = (piece.len(), self.stream.send(piece));
            self.runner.outgoing.note_sent(taken);
            if self.is_broken() {
                self.runner.outgoing.clear();
                // A client that has died does not learn how its connection ends.
                self.is_over |= self.stream.fault() == Some(Fault::Vanish);
                return None;
            }
            if taken < len {
                // The network reports when there is space for the rest.
                return None;
            }
            if let Some((_, every)) = self.runner.outgoing.pace
                && !self.runner.outgoing.next_piece().is_empty()
            {
                return Some(every);
            }
        }
        if self.runner.orders.half_close && !self.has_ended_input {
            self.end_input();
        }
        None
    }

    fn end_input(&mut self) {
        self.has_ended_input = true;
        self.stream.finish();
    }

    /// Whether the network has cut off the client's sending side.
    fn is_broken(&self) -> bool {
        matches!(self.stream.fault(), Some(Fault::Reset | Fault::Vanish | Fault::HalfClose))
    }

    /// Receives and checks bytes. Returns how the connection ended, if it has.
    pub(super) fn receive(
        &mut self,
        now: Duration,
        incidents: &Incidents,
        trace: &mut u64,
        owner: impl Fn(u32) -> Option<u32>,
    ) -> Result<Option<Verdict>, Violation> {
        if self.runner.has_stopped_receiving {
            return Ok(None);
        }
        self.runner.now = now;
        let buffer = self.runner.oracle.receiver.buffer();
        let before = buffer.len();
        let state = self.stream.receive(buffer);
        *trace = mix_bytes(*trace, buffer.get(before..).unwrap_or_default());
        while let Some(delivered) = self.runner.oracle.next(&owner, self.runner.number())? {
            self.deliver(delivered)?;
        }
        let refused = self.runner.oracle.status.is_some_and(|status| status != 101);
        if !self.has_ended_input && !self.runner.ignores_close {
            let ends = match self.runner.oracle.closed {
                Some(code) => self.close_response.begin(&mut self.runner, code),
                None => refused,
            };
            if ends {
                self.runner.outgoing.clear();
                self.end_input();
            }
        }
        if state == StreamState::Open {
            return Ok(None);
        }
        self.is_over = true;
        self.judge(state, incidents).map(Some)
    }

    fn deliver(&mut self, delivered: Delivered) -> Result<(), Violation> {
        let Session { runner, script, .. } = self;
        let result = match delivered {
            Delivered::Push(cmd, data) => script.pushed(runner, cmd, &data),
            Delivered::Reply(reply) => script.replied(runner, &reply),
            Delivered::Message(text, payload) => script.messaged(runner, text, &payload),
            Delivered::Ping(payload) => {
                runner.pinged(&payload);
                Ok(())
            }
            Delivered::Other => Ok(()),
        };
        result.map_err(|seen| Violation::new(Invariant::Script, seen))
    }

    /// Compares the end of the connection with what the script expects.
    fn judge(&mut self, state: StreamState, incidents: &Incidents) -> Result<Verdict, Violation> {
        let oracle = &self.runner.oracle;
        let end = match (oracle.closed, oracle.status) {
            (Some(code), _) => End::Closed(code),
            (None, Some(status)) if status != 101 => End::Refused(status),
            _ if state == StreamState::Ended => End::Silent,
            _ => End::Reset,
        };
        oracle.replies.check_none_missing()?;
        if self.stream.fault().is_some() || self.is_excused(end, incidents) {
            return Ok(Verdict { end: Some(end), excused: true });
        }
        if !self.runner.ends.contains(&end) {
            if self.runner.other_ends.contains(&end) {
                return Ok(Verdict { end: Some(end), excused: false });
            }
            let (after, meant) = (self.runner.now() - self.began, &self.runner.ends);
            return Err(Violation::new(
                Invariant::RightEnd,
                format!("{end:?} after {after:?}, expected: {meant:?}"),
            ));
        }
        let jumped = incidents.jumped_since(self.began);
        if incidents.drain.is_none() {
            self.judge_time(end, jumped)?;
            if !jumped {
                self.judge_order(end, state)?;
            }
        }
        oracle.replies.check_complete()?;
        Ok(Verdict { end: Some(end), excused: false })
    }

    /// Checks the closing handshake, and that no frame was cut short.
    fn judge_order(&self, end: End, state: StreamState) -> Result<(), Violation> {
        if let End::Closed(code) = end {
            self.close_response.judge(&self.runner, state, code)?;
        }
        if !self.runner.oracle.receiver.is_between() {
            return Err(Violation::new(Invariant::WellFormed, "the connection ended within a frame"));
        }
        Ok(())
    }

    /// Checks the time of the end. Timers are late by the time in which the process was stopped, and never
    /// early.
    fn judge_time(&self, end: End, jumped: bool) -> Result<(), Violation> {
        let now = self.runner.now();
        let accepted_at = self.stream.accepted_at().unwrap_or_default();
        let latest = self.runner.latest.map(|(from, latest)| from.max(accepted_at) + latest);
        let earliest = self.runner.earliest;
        if latest.is_some_and(|latest| now > latest && !jumped) || now < earliest {
            let seen = format!("{end:?} at {now:?}, and not between {earliest:?} and {latest:?}");
            return Err(Violation::new(Invariant::RightEnd, seen));
        }
        Ok(())
    }

    /// Whether an incident explains an end that the script does not expect.
    fn is_excused(&self, end: End, incidents: &Incidents) -> bool {
        let jumped = incidents.jumped_since(self.began);
        let unanswered = self.runner.oracle.status.is_none();
        match end {
            End::Closed(Some(1001)) | End::Refused(503) if incidents.drain.is_some() => true,
            End::Silent | End::Reset if incidents.drain.is_some_and(|drain| self.is_cut_off(drain)) => true,
            // A timer that comes late leaves the script time to do more than it means to.
            End::Closed(Some(4002)) | End::Silent | End::Reset if jumped => true,
            // The server accepts in place of its spare descriptor, and refuses as well as it can.
            End::Refused(503) if incidents.exhausted => true,
            End::Silent | End::Reset if incidents.exhausted && unanswered => true,
            _ => false,
        }
    }

    /// Whether a drain may end this connection without an answer. Once it gives up it may end all. Before,
    /// only clients that were never accepted, if they came after it had begun, its time for accepting is
    /// over, or an accept reported that no client waits.
    fn is_cut_off(&self, drain: Drain) -> bool {
        let now = self.runner.now();
        let too_late = self.began > drain.began_at || now >= drain.accepts_until;
        now >= drain.gives_up_at || self.stream.accepted_at().is_none() && (too_late || drain.is_misled)
    }
}
