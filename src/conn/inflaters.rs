//! What inflates the messages of a reactor's connections: the reactor's inflaters or, in a replay, the
//! recording.

use super::inflate_job::{Failure, Subject, Work};
use crate::id::ConnectionId;
use crate::inflate::{self, SHORT_BYTES};
use crate::recording::ReplaySource;

/// What inflates messages.
#[cfg_attr(
    any(feature = "zlib", feature = "deflate"),
    expect(clippy::large_enum_variant, reason = "a reactor has one, and it is the large one")
)]
#[derive(Debug)]
pub(crate) enum Inflaters {
    Live(inflate::Inflaters),
    /// A recording says what came of each message; it does not hold the messages.
    Recorded(ReplaySource),
}

impl Default for Inflaters {
    fn default() -> Self {
        Inflaters::Live(inflate::Inflaters::default())
    }
}

impl Inflaters {
    /// Inflates a message if one slice is enough. None: it takes longer.
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

    /// Gives an inflater to a message that takes more than one slice. False: the connection has to wait for
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
            // It is in the midst of the message.
            return inflaters.keep_short_or_wait(id);
        }
        let inflater = inflaters.take_or_wait(id);
        let is_found = inflater.is_some();
        if let Some(inflater) = inflater {
            inflater.begin(subject.format(), window);
        }
        is_found
    }

    /// Begins the message of a connection that has waited.
    pub(super) fn begin_waiting(&mut self, id: ConnectionId, subject: Subject, window: &[u8]) {
        if let Inflaters::Live(inflaters) = self
            && let Some(inflater) = inflaters.of(id)
        {
            inflater.begin(subject.format(), window);
        }
    }

    /// Inflates the next slice of a long message. None: there is more to do, or the connection waits.
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

    /// A connection's message is inflated, or not needed any more.
    pub(crate) fn give_back(&mut self, id: ConnectionId) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.give_back(id);
        }
    }

    /// Gives a free inflater to the connection that has waited longest. It may be gone by now: then the
    /// inflater has to be [given back](Self::give_back).
    pub(crate) fn call_next(&mut self) -> Option<ConnectionId> {
        let Inflaters::Live(inflaters) = self else { return None };
        inflaters.call_next()
    }

    /// Takes inflaters back from all connections that do not inflate any more.
    pub(crate) fn reclaim(&mut self, inflates: impl Fn(ConnectionId) -> bool) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.reclaim(inflates);
        }
    }

    /// Takes one for a long message of a connection, or has it wait.
    #[cfg(all(test, feature = "deflate", feature = "zlib"))]
    pub(super) fn take_or_wait(&mut self, id: ConnectionId) {
        if let Inflaters::Live(inflaters) = self {
            inflaters.take_or_wait(id);
        }
    }

    /// Connections that inflate or wait.
    pub(crate) fn in_use(&self) -> usize {
        let Inflaters::Live(inflaters) = self else { return 0 };
        inflaters.in_use()
    }
}

fn is_short(subject: Subject, message: &[u8]) -> bool {
    subject.of(message).len() <= SHORT_BYTES
}

/// What came of a message in the call that is replayed. None: it was not inflated in that call.
fn recorded(source: &ReplaySource, work: &mut Work) -> Option<Result<(), Failure>> {
    match work.subject {
        Subject::Message(_) => {
            source.inflate_message(&mut work.out).map(|result| result.map_err(Failure::Message))
        }
        Subject::Data => source.inflate_data(&mut work.out).map(|result| result.map_err(Failure::Data)),
    }
}
