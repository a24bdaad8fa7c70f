//! Surveys: a look at all connections of a reactor, between two calls of its handlers.

use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::Record;
use crate::totals::Totals;

/// A snapshot of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its record.
    pub record: Record,
    /// Bytes in its outbox, without a Pong.
    pub outbox_bytes: usize,
}

/// The data behind a survey. The reactor implements it.
pub(crate) trait Surveyed {
    fn worker(&self) -> usize;
    fn workers(&self) -> usize;
    fn snapshot(&self, id: ConnectionId) -> Option<Snapshot>;
    fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot>;
    fn page_after(&self, after: ConnectionId, limit: usize) -> Vec<Snapshot>;
    fn len(&self) -> usize;
    fn with_role(&self, role_id: u64) -> Option<ConnectionId>;
    fn totals(&self) -> Totals;
    fn now(&self) -> Moment;
    fn began_unix_ms(&self) -> u64;
}

/// A function that looks at all connections of one worker.
pub(crate) type SurveyCall = Box<dyn FnOnce(&Survey<'_>) + Send>;

/// A function that looks at the connections of one worker after the other.
pub(crate) type SurveyTour = Box<dyn FnMut(&Survey<'_>) + Send>;

/// All connections of a reactor, at a moment when nothing happens to them. Clients that are being refused do
/// not count.
///
/// A survey runs on the reactor's thread, after the call that requested it has returned: see
/// [`Effects::survey`](crate::Effects::survey) and [`ServerHandle::survey`](crate::ServerHandle::survey). It
/// covers one worker of a server; the `survey_all` of these two covers all of them.
pub struct Survey<'a> {
    pub(crate) of: &'a dyn Surveyed,
}

impl Survey<'_> {
    /// The number of the worker whose connections these are; 0 if there is only one reactor.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.of.worker()
    }

    /// Whether this is the worker with the highest number.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.of.worker() + 1 >= self.of.workers()
    }

    /// The connection with an id. None if it has ended.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Snapshot> {
        self.of.snapshot(id)
    }

    /// Up to `limit` connections after the first `offset`, in the order of their slots. It passes over the
    /// first ones: [`page_after`](Survey::page_after) goes on from where a page ended.
    #[must_use]
    pub fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot> {
        self.of.page(offset, limit)
    }

    /// Up to `limit` connections in the slots after that of `after`, the last one of a page before. It may
    /// have ended since.
    #[must_use]
    pub fn page_after(&self, after: ConnectionId, limit: usize) -> Vec<Snapshot> {
        self.of.page_after(after, limit)
    }

    /// The number of connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there are no connections.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The connection that holds a role. None if it is not among these connections.
    #[must_use]
    pub fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        self.of.with_role(role_id)
    }

    /// The reactor's totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.of.totals()
    }

    /// The start of this turn, as time since the reactor began.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.of.now()
    }

    /// Converts a moment to milliseconds since 1970, by the system clock's time when the reactor began.
    #[must_use]
    pub fn unix_ms(&self, moment: Moment) -> u64 {
        self.of.began_unix_ms().saturating_add(moment.as_ms())
    }
}
