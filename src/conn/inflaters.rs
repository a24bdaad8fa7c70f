//! Inflates the messages of a reactor's connections; in a replay, a recording supplies the results.

use super::inflate_job::{Failure, Subject, Work};
use crate::id::ConnectionId;
use crate::inflate::{self, SHORT_BYTES};
use crate::recording::ReplaySource;

/// A source of inflated messages.
#[cfg_attr(
    any(feature = "zlib", feature = "deflate"),
    expect(clippy::large_enum_variant, reason = "a reactor has one, and it is the large one")
)]
#[derive(Debug)]
pub(crate) enum Inflaters {
    Live(inflate::Inflaters),
    /// A recording has the result for each message; it does not hold the messages.
    Recorded(ReplaySource),
}

impl Default for Inflaters {
    fn default() -> Self {
        Inflaters::Live(inflate::Inflaters::default())
    }
}

impl Inflaters {
    /// Inflates a message if one slice is enough. None if it takes longer.
    pub(super) fn inflate_short(
        &mut self,
        work: &mut Work,
        message: &[u8],
        window: &[u8],
    ) -> Option<Result<(), Failure>> {
        match self {
            Inflaters::Live(inflaters) if is_short(work.subject, message) => {
                let inflater = inflaters.short();
                inflater.begin(work.subject.format(), window);
                work.go_on(message, inflater, window)
            }
            Inflaters::Live(_) => None,
            Inflaters::Recorded(source) => recorded(source, work),
        }
    }

    /// Gets an inflater for a message that takes more than one slice. False if the connection has to wait for
    /// one.
    pub(super) fn begin_long(
        &mut self,
        id: ConnectionId,
        subject: Subject,
        message: &[u8],
        window: &[u8],
    ) -> bool {
        let Inflaters::Live(inflaters) = self else { return true };
        if is_short(subject, message) {
            // The inflater for short messages is in the middle of this one.
            return inflaters.keep_short_or_wait(id);
        }
        let inflater = inflaters.take_or_wait(id);
        let is_found = inflater.is_some();
        if let Some(inflater) = inflater {
            inflater.begin(subject.format(), window);
        }
        is_found
    }

    /// Begins the message of a connection that has waited for an inflater.
    pub(super) fn begin_waiting(&mut self, id: ConnectionId, subject: Subject, window: &[u8]) {
        if let Inflaters::Live(inflaters) = self
            && let Some(inflater) = inflaters.of(id)
        {
            inflater.begin(subject.format(), window);
        }
    }

    /// Inflates the next slice of a long message. None if there is more to do, or the connection waits.
    pub(super) fn inflate_slice(
        &mut self,
        id: ConnectionId,
        work: &mut Work,
        message: &[u8],
        window: &[u8],
    ) -> Option<Result<(), Failure>> {
        match self {
            Inflaters::Live(inflaters) => work.go_on(message, inflaters.of(id)?, window),
            Inflaters::Recorded(source) => recorded(source, work),
        }
    }

    /// Returns a connection's inflater: its message is inflated, or no longer needed.
    pub(crate) fn give_back(&mut self, id: ConnectionId) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.give_back(id);
        }
    }

    /// Gives a free inflater to the connection that has waited longest. If that connection is gone, the
    /// inflater must be [given back](Self::give_back).
    pub(crate) fn call_next(&mut self) -> Option<ConnectionId> {
        let Inflaters::Live(inflaters) = self else { return None };
        inflaters.call_next()
    }

    /// Takes inflaters back from all connections that no longer inflate.
    pub(crate) fn reclaim(&mut self, inflates: impl Fn(ConnectionId) -> bool) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.reclaim(inflates);
        }
    }

    /// Gets an inflater for a connection's long message, or makes it wait.
    #[cfg(all(test, feature = "deflate", feature = "zlib"))]
    pub(super) fn take_or_wait(&mut self, id: ConnectionId) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.take_or_wait(id);
        }
    }

    /// The number of connections that inflate or wait.
    pub(crate) fn in_use(&self) -> usize {
        let Inflaters::Live(inflaters) = self else { return 0 };
        inflaters.in_use()
    }
}

fn is_short(subject: Subject, message: &[u8]) -> bool {
    subject.of(message).len() <= SHORT_BYTES
}

/// The result for a message in the replayed call. None if it was not inflated in that call.
fn recorded(source: &ReplaySource, work: &mut Work) -> Option<Result<(), Failure>> {
    match work.subject {
        Subject::Message(_) => {
            source.inflate_message(&mut work.out).map(|result| result.map_err(Failure::Message))
        }
        Subject::Data => source.inflate_data(&mut work.out).map(|result| result.map_err(Failure::Data)),
    }
}
