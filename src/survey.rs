//! A look at all connections of a reactor, or of one after the other, taken between two calls.

use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::Record;
use crate::totals::Totals;

/// One connection at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The record.
    pub record: Record,
    /// Bytes that wait for the client to read, a Pong aside.
    pub outbox_bytes: usize,
}

/// What a survey can look at. The reactor implements it.
pub(crate) trait Surveyed {
    fn worker(&self) -> usize;
    fn workers(&self) -> usize;
    fn snapshot(&self, id: ConnectionId) -> Option<Snapshot>;
    fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot>;
    fn len(&self) -> usize;
    fn with_role(&self, role_id: u64) -> Option<ConnectionId>;
    fn totals(&self) -> Totals;
    fn now(&self) -> Moment;
    fn began_unix_ms(&self) -> u64;
}

/// A look at all connections that somebody has asked for.
pub(crate) type SurveyCall = Box<dyn FnOnce(&Survey<'_>) + Send>;

/// The same, for each worker in turn.
pub(crate) type SurveyTour = Box<dyn FnMut(&Survey<'_>) + Send>;

/// All connections of a reactor, to be looked at while nothing happens to them. Those that are only
/// told that there is no room for them do not count.
///
/// A survey runs on the reactor's thread, after the call that asked for it has returned: see
/// [`Effects::survey`](crate::Effects::survey) and [`ServerHandle::survey`](crate::ServerHandle::survey).
/// Where a server has several workers it sees one of them at a time; `survey_all` of the same two goes from
/// one to the next.
pub struct Survey<'a> {
    pub(crate) of: &'a dyn Surveyed,
}

impl Survey<'_> {
    /// The number of the worker whose connections these are; 0 where there is only one reactor.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.of.worker()
    }

    /// Whether there is no worker with a higher number.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.of.worker() + 1 >= self.of.workers()
    }

    /// A connection as it is now, or none if it has ended.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Snapshot> {
        self.of.snapshot(id)
    }

    /// Up to `limit` connections, from the `offset`th on, in the order of their slots.
    #[must_use]
    pub fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot> {
        self.of.page(offset, limit)
    }

    /// Connections now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are no connections.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The connection that plays a role, if it is one of these.
    #[must_use]
    pub fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        self.of.with_role(role_id)
    }

    /// What the reactor has done so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.of.totals()
    }

    /// The time, as of the beginning of this turn; since the reactor began.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.of.now()
    }

    /// A moment as milliseconds since 1970, by what the system clock said when the reactor began.
    #[must_use]
    pub fn unix_ms(&self, moment: Moment) -> u64 {
        self.of.began_unix_ms().saturating_add(moment.as_ms())
    }
}
