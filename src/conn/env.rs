//! What the reactor lends a connection for one call.

use std::sync::Arc;

use super::closing::SocketReport;
use super::head_checks::HeadChecks;
use super::inflaters::Inflaters;
use super::settings::{Draining, Settings};
use crate::config::Config;
use crate::inflate;
use crate::log_limiter::LogLimiter;
use crate::mailbox::Mailbox;
use crate::packet::{Cipher, Codecs};
use crate::router::{Limits, Service, Tools, cost_of};

/// What a reactor has one of, and lends to each connection that it calls.
pub(crate) struct Env<S: 'static> {
    pub(crate) service: Service<S>,
    pub(crate) state: S,
    pub(crate) settings: Settings,
    /// What handlers get the use of.
    pub(crate) tools: Tools,
    /// Bytes that are held of what the connection sent: those that it is given, behind those that it has
    /// taken of the same read.
    pub(crate) input_len: usize,
    /// Frames that may still be taken from this connection in this call.
    pub(crate) frames_left: u32,
    /// Frames that this call's work counts as, beyond those that were left.
    overdrawn: u32,
    /// Where Data is decoded.
    pub(crate) decoded: Vec<u8>,
    /// Where compressed messages are inflated.
    pub(crate) inflated: Vec<u8>,
    pub(crate) inflaters: Inflaters,
    pub(super) head_checks: HeadChecks,
    /// The socket's report on a connection that [asks for it](super::Conn::asks_for_line), for the next call of its
    /// timers.
    pub(crate) line: Option<SocketReport>,
    /// How far the server has come with its end.
    pub(crate) draining: Draining,
}

/// Capacity that buffers which all connections share keep through housekeeping.
const KEPT_BYTES: usize = 64 * 1024;

impl<S> Env<S> {
    pub(crate) fn new(
        config: &Config,
        service: Service<S>,
        state: S,
        cipher: Option<Box<dyn Cipher>>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let limits = Limits {
            outbox: config.outbox_limit,
            compress_above: config.compress_above,
            deflate_above: config.deflate_above,
        };
        Env {
            service,
            state,
            settings: Settings::new(config),
            tools: Tools::new(Codecs::new(cipher), mailbox, limits, LogLimiter::new(config.log_connections)),
            input_len: 0,
            frames_left: 0,
            overdrawn: 0,
            decoded: Vec::new(),
            inflated: Vec::new(),
            inflaters: Inflaters::default(),
            head_checks: HeadChecks::default(),
            line: None,
            draining: Draining::No,
        }
    }

    /// So many bytes were inflated to so many. They count against what this connection may still have done in this turn:
    /// what is short on the wire must not take a turn for itself, nor what says nothing at length.
    pub(crate) fn count_inflated(&mut self, input: usize, output: usize) {
        self.charge(inflate::frames(input, output));
    }

    /// Work was done that costs as much as so many frames.
    #[cold]
    pub(crate) fn charge(&mut self, frames: u32) {
        let left = self.frames_left.saturating_sub(frames);
        self.overdrawn = self.overdrawn.saturating_add(frames - (self.frames_left - left));
        self.frames_left = left;
    }

    /// What a call that could take `given` frames has cost.
    pub(crate) fn frames_taken(&mut self, given: u32) -> u32 {
        given.saturating_sub(self.frames_left).saturating_add(std::mem::take(&mut self.overdrawn))
    }

    /// So many bytes were compressed, of replies that were not short enough to be compressed at once. They count like
    /// what was inflated, at their own price.
    pub(crate) fn count_compressed(&mut self, bytes: usize) {
        self.charge(cost_of(bytes));
    }

    /// Whether binary messages are packets.
    pub(crate) fn has_packets(&self) -> bool {
        matches!(self.service, Service::Packets(_))
    }

    /// Gives back what the shared buffers hold beyond what packets of ordinary size need. What large ones
    /// need again they pay for themselves.
    pub(crate) fn trim(&mut self) {
        self.tools.out.shrink_to(KEPT_BYTES);
        self.decoded.clear();
        self.decoded.shrink_to(KEPT_BYTES);
        self.tools.encoded.clear();
        self.tools.encoded.shrink_to(KEPT_BYTES);
    }
}
