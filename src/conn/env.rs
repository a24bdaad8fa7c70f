//! What the reactor lends a connection for one call.

use std::sync::Arc;
use std::time::Duration;

use super::Complaints;
use crate::config::{Config, DeflateMode, Liveness, Overflow, TrustedProxy};
use crate::deflate::Shared;
use crate::mailbox::Mailbox;
use crate::moment::{Moment, whole_ms};
use crate::packet::Codecs;
use crate::record::Peer;
use crate::router::{Borrowed, Effects, Origin, Service, borrowed_bytes};
use crate::totals::Totals;
use crate::upgrade::Policy;

/// The configuration as connections use it: checked, and with durations in milliseconds, where 0
/// means off.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_len: usize,
    pub(crate) max_len_before_login: usize,
    pub(crate) max_packets_per_second: u32,
    pub(crate) handshake_ms: u64,
    pub(crate) read_ms: u64,
    pub(crate) client_check_ms: u64,
    pub(crate) account_check_ms: u64,
    pub(crate) housekeeping_ms: u64,
    pub(crate) ping_ms: u64,
    pub(crate) close_ms: u64,
    pub(crate) liveness: Liveness,
    pub(crate) outbox_limit: usize,
    pub(crate) overflow: Overflow,
    pub(crate) compress_above: usize,
    pub(crate) deflate: DeflateMode,
    pub(crate) deflate_above: usize,
    proxies: Vec<TrustedProxy>,
    paths: Vec<String>,
    origins: Vec<String>,
    subprotocols: Vec<String>,
    subprotocol_required: bool,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let before_login = config.max_len_before_login;
        Settings {
            max_len: config.max_len,
            max_len_before_login: if before_login == 0 { config.max_len } else { before_login },
            max_packets_per_second: config.max_packets_per_second,
            handshake_ms: whole_ms(config.handshake_timeout),
            read_ms: whole_ms(config.read_timeout),
            client_check_ms: whole_ms(config.client_check),
            account_check_ms: whole_ms(config.account_check),
            housekeeping_ms: whole_ms(config.housekeeping),
            ping_ms: whole_ms(config.ping_interval),
            // A close that waits for ever would hold the socket of a client that is gone.
            close_ms: whole_ms(config.close_timeout.max(Duration::from_millis(1))),
            liveness: config.liveness,
            outbox_limit: config.outbox_limit,
            overflow: config.overflow,
            compress_above: config.compress_above,
            deflate: config.deflate,
            deflate_above: config.deflate_above,
            proxies: config.proxy_protocol.clone(),
            paths: config.paths.clone(),
            origins: config.origins.clone(),
            subprotocols: config.subprotocols.clone(),
            subprotocol_required: config.subprotocol_required,
        }
    }

    /// Whether a peer has to say whose connection it passes on, and is believed.
    pub(crate) fn trusts(&self, peer: Peer) -> bool {
        self.proxies.iter().any(|proxy| proxy.covers(peer))
    }

    pub(crate) fn policy(&self) -> Policy<'_> {
        Policy {
            paths: &self.paths,
            origins: &self.origins,
            subprotocols: &self.subprotocols,
            subprotocol_required: self.subprotocol_required,
        }
    }
}

/// All that one call may use. The bytes for this connection are appended to `out`, from `start` on.
pub(crate) struct Env<'a, S: 'static> {
    pub(crate) now: Moment,
    pub(crate) settings: &'a Settings,
    pub(crate) service: Service<S>,
    pub(crate) state: &'a mut S,
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) start: usize,
    /// What goes out with `out` without lying in it.
    pub(crate) borrowed: &'a mut Vec<Borrowed>,
    /// Bytes that the reactor holds of what this connection sent: those given, behind those taken before.
    pub(crate) input_len: usize,
    /// Where the message that is being handled lies, if it lies where it stays until what was gathered
    /// has been written.
    pub(crate) origin: Option<Origin>,
    /// Packets that may still be handled for this connection in this turn.
    pub(crate) packets_left: &'a mut u32,
    pub(crate) decoded: &'a mut Vec<u8>,
    pub(crate) codecs: &'a mut Codecs,
    pub(crate) effects: &'a mut Effects,
    pub(crate) mailbox: &'a Arc<Mailbox>,
    pub(crate) complaints: &'a mut Complaints,
    pub(crate) totals: &'a mut Totals,
    /// What serves all connections that compress without a window of their own.
    pub(crate) deflate: &'a mut Shared,
    /// Where compressed messages are inflated.
    pub(crate) inflated: &'a mut Vec<u8>,
    /// The server drains: whoever is still upgrading is refused.
    pub(crate) draining: bool,
}

/// Capacity that buffers which all connections share keep through housekeeping.
const KEPT_BYTES: usize = 64 * 1024;

impl<S> Env<'_, S> {
    /// Gives back what the shared buffers hold beyond what packets of ordinary size need. What large ones
    /// need again they pay for themselves.
    pub(crate) fn trim(&mut self) {
        self.out.shrink_to(KEPT_BYTES);
        self.decoded.clear();
        self.decoded.shrink_to(KEPT_BYTES);
        self.codecs.trim(KEPT_BYTES);
    }

    /// Bytes gathered for this connection.
    pub(crate) fn gathered(&self) -> usize {
        self.out.len() - self.start + borrowed_bytes(self.borrowed)
    }

    /// Whether something is gathered that is gone once the connection is given more.
    pub(crate) fn lends_held(&self) -> bool {
        self.borrowed.last().is_some_and(|borrowed| borrowed.origin == Origin::Held)
    }
}
