//! One subscription, from the call that began it to the one that ended it, and what is certain about it.

use super::calls::Calls;

/// From when on the subscription is certain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Firm {
    /// From this call.
    Since(usize),
    /// Once mail of this call has been delivered.
    DeliveredSince(usize),
    /// Never: nobody knows whether it exists.
    Never,
}

/// Until when the subscription lasts.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Open,
    /// From this call it is uncertain whether it still does: its connection is being replaced.
    Doubtful(usize),
    /// It ended at this call, and was uncertain from the other one.
    Closed {
        doubtful: usize,
        at: usize,
    },
}

/// A subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: usize,
    firm: Firm,
    to: End,
}

impl Span {
    pub(super) fn new(from: usize, firm: Firm) -> Self {
        Span { from, firm, to: End::Open }
    }

    /// It ends, unless it has.
    pub(super) fn close(&mut self, at: usize) {
        self.to = match self.to {
            End::Open => End::Closed { doubtful: at, at },
            End::Doubtful(doubtful) => End::Closed { doubtful, at },
            closed => closed,
        };
    }

    /// It may end at any time.
    pub(super) fn doubt(&mut self, at: usize) {
        if matches!(self.to, End::Open) {
            self.to = End::Doubtful(at);
        }
    }

    /// It is certain from then on, unless it was before.
    pub(super) fn confirm(&mut self, firm: Firm) {
        if !matches!(self.firm, Firm::Since(_)) && !matches!(firm, Firm::Never) {
            self.firm = firm;
        }
    }

    /// The call that may have ended it.
    pub(super) fn doubtful_since(&self) -> Option<usize> {
        match self.to {
            End::Doubtful(call) => Some(call),
            End::Open | End::Closed { .. } => None,
        }
    }

    /// Whether it may last now.
    pub(super) fn may_last(&self) -> bool {
        !matches!(self.to, End::Closed { .. })
    }

    /// Whether it must last at this call.
    pub(super) fn must_last(&self, calls: &Calls, at: usize, worker: usize) -> bool {
        matches!(self.to, End::Open) && self.is_firm(calls, at, worker)
    }

    fn is_firm(&self, calls: &Calls, at: usize, worker: usize) -> bool {
        match self.firm {
            Firm::Since(call) => call < at,
            Firm::DeliveredSince(call) => calls.is_delivered(call, at, worker),
            Firm::Never => false,
        }
    }

    /// Whether what was published at a call must reach it. If another worker did that, a mail brings it.
    pub(super) fn must(&self, calls: &Calls, at: usize, worker: usize, is_own: bool) -> bool {
        let lasts = match self.to {
            End::Open => true,
            End::Doubtful(end) | End::Closed { doubtful: end, .. } if is_own => at < end,
            End::Doubtful(end) | End::Closed { doubtful: end, .. } => calls.is_delivered(at, end, worker),
        };
        lasts && self.is_firm(calls, at, worker)
    }

    /// Whether what was published at a call may reach it. If another worker did that, it also reaches those
    /// who subscribe before the mail has come.
    pub(super) fn may(&self, calls: &Calls, at: usize, worker: usize, is_own: bool) -> bool {
        let has_begun = self.from < at || !is_own && !calls.is_delivered(at, self.from, worker);
        let has_ended = matches!(self.to, End::Closed { at: end, .. } if end < at);
        has_begun && !has_ended
    }
}
