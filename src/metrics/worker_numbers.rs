//! Everything that one reactor counts and measures. Only its thread writes.

use super::histogram::Buckets;
use super::labels::{
    BadRequest, Compression, ERRORS, KINDS, Layer, LoginResult, STATUSES, SendError, SentKind, State, Timer,
    TlsResult,
};
use super::number::{Number, numbers};
use super::pulse::Heart;
use crate::cause::Cause;
use crate::log_limiter::SUBJECTS;

/// A number for each label of a list.
pub(crate) type Of<const N: usize> = [Number; N];

/// The numbers of one command.
#[derive(Debug)]
pub(crate) struct RouteNumbers {
    pub(crate) received: Number,
    pub(crate) sent: Of<{ SentKind::NAMES.len() }>,
    /// Refusals by ErrorID.
    pub(crate) refusals: Of<{ ERRORS.len() }>,
    pub(crate) request: Buckets,
    pub(crate) handler: Buckets,
}

/// The numbers of one worker.
#[derive(Debug)]
pub(crate) struct WorkerNumbers {
    pub(crate) heart: Heart,
    pub(crate) turn: Buckets,
    /// When the last turn ended, in nanoseconds of the server's clock.
    pub(crate) turn_ended_ns: Number,
    /// Admitted clients, by listener.
    pub(crate) accepted: Box<[Number]>,
    /// Refused upgrades, by status.
    pub(crate) refused: Of<STATUSES>,
    pub(crate) closed: Of<{ Cause::ALL.len() }>,
    /// Connections that are there, by state and by kind.
    pub(crate) connections: [Of<{ KINDS.len() }>; State::NAMES.len()],
    pub(crate) logins: Of<{ LoginResult::NAMES.len() }>,
    pub(crate) routes: Box<[RouteNumbers]>,
    pub(crate) received: Of<{ Layer::NAMES.len() }>,
    pub(crate) sent: Of<{ Layer::NAMES.len() }>,
    pub(crate) bad_requests: Of<{ BadRequest::NAMES.len() }>,
    pub(crate) send_errors: Of<{ SendError::NAMES.len() }>,
    pub(crate) reply_wait: Buckets,
    pub(crate) rtt: Buckets,
    pub(crate) timers: Of<{ Timer::NAMES.len() }>,
    pub(crate) outbox_bytes: Number,
    pub(crate) outbox_connections: Number,
    pub(crate) reading_paused: Number,
    pub(crate) subscriptions: Number,
    pub(crate) tls: Of<{ TlsResult::NAMES.len() }>,
    pub(crate) deflate: Of<{ Compression::NAMES.len() }>,
    /// Log lines left out, by subject.
    pub(crate) left_out: Of<{ SUBJECTS.len() }>,
    /// Mail that the reactor has collected and not delivered.
    pub(crate) mail: Number,
    /// 1 once the drain is announced.
    pub(crate) draining: Number,
}

impl WorkerNumbers {
    pub(crate) fn new(listeners: usize, routes: usize) -> Self {
        let route = |_| RouteNumbers {
            received: Number::default(),
            sent: numbers(),
            refusals: numbers(),
            request: Buckets::default(),
            handler: Buckets::default(),
        };
        WorkerNumbers {
            heart: Heart::default(),
            turn: Buckets::default(),
            turn_ended_ns: Number::default(),
            accepted: (0..listeners).map(|_| Number::default()).collect(),
            refused: numbers(),
            closed: numbers(),
            connections: std::array::from_fn(|_| numbers()),
            logins: numbers(),
            routes: (0..routes).map(route).collect(),
            received: numbers(),
            sent: numbers(),
            bad_requests: numbers(),
            send_errors: numbers(),
            reply_wait: Buckets::default(),
            rtt: Buckets::default(),
            timers: numbers(),
            outbox_bytes: Number::default(),
            outbox_connections: Number::default(),
            reading_paused: Number::default(),
            subscriptions: Number::default(),
            tls: numbers(),
            deflate: numbers(),
            left_out: numbers(),
            mail: Number::default(),
            draining: Number::default(),
        }
    }
}
