//! The reactor's parts that a connection borrows for one call.

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
use crate::router::{Application, HandlerMistakes, Limits, Service, Tools, cost_of};

/// State that a reactor has once, and lends to each connection that it calls.
pub(crate) struct Env<S: Application> {
    pub(crate) service: Service<S>,
    pub(crate) state: S,
    pub(crate) settings: Settings,
    /// The tools that handlers use.
    pub(crate) tools: Tools<S::Session>,
    /// Bytes of the current read: those given to the connection, and those before them that it has taken.
    pub(crate) input_len: usize,
    /// The budget: frames that may still be taken from this connection in this call.
    pub(crate) frames_left: u32,
    /// The cost of this call's work beyond that budget, in frames.
    overdrawn: u32,
    /// The buffer for decoded Data.
    pub(crate) decoded: Vec<u8>,
    /// The buffer for inflated messages.
    pub(crate) inflated: Vec<u8>,
    pub(crate) inflaters: Inflaters,
    pub(super) head_checks: HeadChecks,
    /// The socket's report on a connection that [asks for it](super::Conn::asks_for_report), for the next
    /// check of its timers.
    pub(crate) socket_report: Option<SocketReport>,
    /// How far the server has drained.
    pub(crate) draining: Draining,
}

/// Capacity that the shared buffers keep through housekeeping, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl<S: Application> Env<S> {
    pub(crate) fn new(
        config: &Config,
        service: Service<S>,
        state: S,
        cipher: Option<Box<dyn Cipher>>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let limits = Limits {
            outbox: config.output.outbox_limit.unwrap_or(Limits::NONE),
            compress_above: config.output.compress_above.unwrap_or(Limits::NONE),
            deflate_above: config.output.deflate_above,
        };
        let log = LogLimiter::new(config.log_connections);
        let mut tools = Tools::new(Codecs::new(cipher), mailbox, limits, log);
        tools.mistakes = HandlerMistakes::new(matches!(service, Service::Any(_)));
        Env {
            service,
            state,
            settings: Settings::new(config),
            tools,
            input_len: 0,
            frames_left: 0,
            overdrawn: 0,
            decoded: Vec::new(),
            inflated: Vec::new(),
            inflaters: Inflaters::default(),
            head_checks: HeadChecks::default(),
            socket_report: None,
            draining: Draining::No,
        }
    }

    /// Charges for `input` bytes that were inflated to `output` bytes: neither a short compressed message nor
    /// one that inflates to nothing may fill a turn.
    pub(crate) fn count_inflated(&mut self, input: usize, output: usize) {
        self.charge(inflate::frames(input, output));
    }

    /// Charges for work that costs as much as this many frames.
    #[cold]
    pub(crate) fn charge(&mut self, frames: u32) {
        let left = self.frames_left.saturating_sub(frames);
        self.overdrawn = self.overdrawn.saturating_add(frames - (self.frames_left - left));
        self.frames_left = left;
    }

    /// The cost of a call that could take `given` frames.
    pub(crate) fn frames_taken(&mut self, given: u32) -> u32 {
        given.saturating_sub(self.frames_left).saturating_add(std::mem::take(&mut self.overdrawn))
    }

    /// Charges for `bytes` that were compressed slice by slice.
    pub(crate) fn count_compressed(&mut self, bytes: usize) {
        self.charge(cost_of(bytes));
    }

    /// Whether binary messages are packets.
    pub(crate) fn has_packets(&self) -> bool {
        self.service.has_packets()
    }

    /// Shrinks the shared buffers to the size that ordinary packets need. Larger packets pay for the growth
    /// themselves.
    pub(crate) fn trim(&mut self) {
        self.tools.write_buffer.bytes.shrink_to(KEPT_BYTES);
        self.decoded.clear();
        self.decoded.shrink_to(KEPT_BYTES);
        self.tools.message.clear();
        self.tools.message.shrink_to(KEPT_BYTES);
        self.tools.encoded.clear();
        self.tools.encoded.shrink_to(KEPT_BYTES);
        self.tools.refusal.clear();
        self.tools.refusal.shrink_to(KEPT_BYTES);
    }
}
