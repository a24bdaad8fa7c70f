//! The single instances that a reactor lends to handlers.

use std::sync::Arc;

use super::after_call::AfterCall;
use super::borrowed::Origin;
use super::compress_job::CompressJob;
use super::compressor::Compressor;
use super::effects::Effects;
use super::handler_mistakes::HandlerMistakes;
use super::leases::CompressorLeases;
use super::sessions::Sessions;
use super::write_buffer::WriteBuffer;
use crate::log_limiter::LogLimiter;
use crate::mailbox::Mailbox;
use crate::metrics::Meter;
use crate::moment::Moment;
use crate::observer::Observed;
use crate::packet::Codecs;
use crate::roles::Roles;
use crate::slow_calls::SlowCalls;
use crate::totals::Totals;

/// Lent to every call of a connection or its handler.
pub(crate) struct Tools<Session = ()> {
    pub(crate) now: Moment,
    pub(crate) write_buffer: WriteBuffer,
    /// Replies of the current connection that wait to be compressed, each with the number of bytes of the
    /// write buffer that precede it.
    pub(crate) jobs: Vec<(usize, CompressJob)>,
    pub(crate) leases: CompressorLeases,
    /// Where the current message is stored, if it stays there until its replies have been written.
    pub(crate) origin: Option<Origin>,
    pub(crate) codecs: Codecs,
    /// A buffer in which Data is compressed or encrypted.
    pub(crate) encoded: Vec<u8>,
    /// A buffer in which a message is encoded to Data.
    pub(crate) message: Vec<u8>,
    pub(crate) compressor: Compressor,
    pub(crate) effects: Effects,
    pub(crate) mailbox: Arc<Mailbox>,
    /// What belongs to each open connection.
    pub(crate) sessions: Sessions<Session>,
    /// The holders of roles, on all workers.
    pub(crate) roles: Roles,
    pub(crate) totals: Totals,
    /// The observer of the reactor, if there is one.
    pub(crate) observed: Observed,
    pub(crate) log: LogLimiter,
    pub(crate) slow: SlowCalls,
    pub(crate) meter: Meter,
    /// The length of the packet in hand if it is too large for any outbox; otherwise 0.
    pub(crate) oversized: usize,
    /// Packets of the current call that were too large for any outbox, for a recording.
    pub(crate) too_large: u32,
    pub(crate) after_call: AfterCall,
    /// The Data of a refusal.
    pub(crate) refusal: Vec<u8>,
    /// The handlers' mistakes that have been logged.
    pub(crate) mistakes: HandlerMistakes,
    pub(super) limits: Limits,
}

/// Limits on the output of handlers, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most output that may wait for one client, or [`NONE`](Self::NONE).
    pub(crate) outbox: usize,
    /// Replies with longer Data are compressed. [`NONE`](Self::NONE): none are.
    pub(crate) compress_above: usize,
    /// Shorter messages are sent uncompressed, whatever the agreement.
    pub(crate) deflate_above: usize,
}

impl Limits {
    /// No limit. As no length is greater, most uses need not ask for it.
    pub(crate) const NONE: usize = usize::MAX;
}

impl Default for Limits {
    fn default() -> Self {
        Limits { outbox: Self::NONE, compress_above: Self::NONE, deflate_above: 0 }
    }
}

impl<Session> Tools<Session> {
    pub(crate) fn new(codecs: Codecs, mailbox: Arc<Mailbox>, limits: Limits, log: LogLimiter) -> Self {
        Tools {
            now: Moment::START,
            write_buffer: WriteBuffer::default(),
            jobs: Vec::new(),
            leases: CompressorLeases::default(),
            origin: None,
            codecs,
            encoded: Vec::new(),
            message: Vec::new(),
            compressor: Compressor::default(),
            effects: Effects::default(),
            mailbox,
            sessions: Sessions::default(),
            roles: Roles::default(),
            totals: Totals::default(),
            observed: Observed::default(),
            log,
            slow: SlowCalls::default(),
            meter: Meter::default(),
            oversized: 0,
            too_large: 0,
            after_call: AfterCall::default(),
            refusal: Vec::new(),
            mistakes: HandlerMistakes::default(),
            limits,
        }
    }
}
