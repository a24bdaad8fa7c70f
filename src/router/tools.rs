//! What a reactor has one of, and handlers get the use of.

use std::sync::Arc;

use super::borrowed::{Borrowings, Origin};
use super::compress_job::CompressJob;
use super::compressor::Compressor;
use super::effect::Effects;
use super::places::Places;
use crate::log_limiter::LogLimiter;
use crate::mailbox::Mailbox;
use crate::moment::Moment;
use crate::observer::Observed;
use crate::packet::Codecs;
use crate::roles::Roles;
use crate::totals::Totals;

/// Lent to every call, whichever connection it is for.
pub(crate) struct Tools {
    pub(crate) now: Moment,
    /// What the connections of this turn are sent, one behind the other.
    pub(crate) out: Vec<u8>,
    /// Where that of the connection in hand begins.
    pub(crate) start: usize,
    /// What goes out with it without lying in it.
    pub(crate) borrowed: Borrowings,
    /// What goes out with it once it is compressed: each goes behind so many bytes of `out`.
    pub(crate) jobs: Vec<(usize, CompressJob)>,
    pub(crate) places: Places,
    /// Where the message in hand lies, if it stays there until what was gathered has been written.
    pub(crate) origin: Option<Origin>,
    pub(crate) codecs: Codecs,
    /// Where Data is compressed or encrypted.
    pub(crate) encoded: Vec<u8>,
    pub(crate) compressor: Compressor,
    pub(crate) effects: Effects,
    pub(crate) mailbox: Arc<Mailbox>,
    /// Who plays which role, on all workers.
    pub(crate) roles: Roles,
    pub(crate) totals: Totals,
    /// Who observes the reactor.
    pub(crate) observed: Observed,
    pub(crate) log: LogLimiter,
    /// The length of the last packet that did not fit because no outbox would ever take it; 0 if there was none.
    pub(crate) oversized: usize,
    pub(super) limits: Limits,
}

/// What handlers are held to, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// What may wait for one client; 0 for no limit.
    pub(crate) outbox: usize,
    /// Replies whose Data is longer are compressed; 0 for none.
    pub(crate) compress_above: usize,
    /// Shorter messages go out as they are, whatever was agreed on.
    pub(crate) deflate_above: usize,
}

impl Tools {
    pub(crate) fn new(codecs: Codecs, mailbox: Arc<Mailbox>, limits: Limits, log: LogLimiter) -> Self {
        Tools {
            now: Moment::START,
            out: Vec::new(),
            start: 0,
            borrowed: Borrowings::default(),
            jobs: Vec::new(),
            places: Places::default(),
            origin: None,
            codecs,
            encoded: Vec::new(),
            compressor: Compressor::default(),
            effects: Effects::default(),
            mailbox,
            roles: Roles::default(),
            totals: Totals::default(),
            observed: Observed::default(),
            log,
            oversized: 0,
            limits,
        }
    }

    /// Bytes gathered for the connection in hand.
    pub(crate) fn gathered(&self) -> usize {
        self.out.len() - self.start + self.borrowed.bytes()
    }

    /// Copies what was borrowed of `held`, the connection's own buffer, to its place among the rest: the
    /// buffer is about to go.
    pub(crate) fn copy_held(&mut self, held: &[u8]) {
        while let Some(borrowed) = self.borrowed.pop_held() {
            let data = held.get(held.len().saturating_sub(borrowed.len)..).unwrap_or_default();
            self.out.splice(borrowed.at..borrowed.at, data.iter().copied());
        }
    }

    /// Whether something is gathered that is gone once the connection is given more.
    pub(crate) fn lends_held(&self) -> bool {
        self.borrowed.last().is_some_and(|borrowed| borrowed.origin == Origin::Held)
    }
}
