//! The configuration in the form that connections use.

use std::time::Duration;

use crate::config::{Config, DeflateMode, Liveness, Overflow, TrustedProxy};
use crate::moment::{Moment, whole_ms};
use crate::record::Peer;
use crate::recording::file;
use crate::recording::note::Stalled;
use crate::stalls::{Stall, Stalls};
use crate::upgrade::Policy;

/// The most close timeouts by which a client that keeps sending can delay the end.
pub(super) const MAX_CLOSE_TIMEOUTS: u32 = 15;

/// The configuration in the form that connections use: valid, with durations in milliseconds, where 0 means
/// off.
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
    /// Times in which the server did not run or did not read from its clients. No timer counts them against a
    /// client.
    pub(crate) stalls: Stalls,
    pub(crate) liveness: Liveness,
    pub(crate) outbox_limit: usize,
    pub(crate) overflow: Overflow,
    pub(crate) deflate: DeflateMode,
    compress_above: usize,
    deflate_above: usize,
    proxies: Vec<TrustedProxy>,
    pub(super) forwarders: Vec<TrustedProxy>,
    pub(crate) health_path: Option<String>,
    paths: Vec<String>,
    origins: Vec<String>,
    subprotocols: Vec<String>,
    subprotocol_required: bool,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let before_login = config.max_len_before_login;
        // A close without a time limit would keep the socket of a client that is gone.
        let close_timeout = config.close_timeout.max(Duration::from_millis(1));
        let periods = [
            config.handshake_timeout,
            config.read_timeout,
            config.client_check,
            config.account_check,
            config.housekeeping,
            close_timeout.saturating_mul(MAX_CLOSE_TIMEOUTS),
        ];
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
            close_ms: whole_ms(close_timeout),
            stalls: Stalls::new(periods.into_iter().map(whole_ms).max().unwrap_or_default()),
            liveness: config.liveness,
            outbox_limit: config.outbox_limit,
            overflow: config.overflow,
            deflate: config.deflate,
            compress_above: config.compress_above,
            deflate_above: config.deflate_above,
            proxies: config.proxy_protocol.clone(),
            forwarders: config.forwarded_for.clone(),
            health_path: config.health_path.clone(),
            paths: config.paths.clone(),
            origins: config.origins.clone(),
            subprotocols: config.subprotocols.clone(),
            subprotocol_required: config.subprotocol_required,
        }
    }

    /// Whether a peer is a trusted proxy that has to name its client in a PROXY header.
    pub(crate) fn trusts(&self, peer: Peer) -> bool {
        self.proxies.iter().any(|proxy| proxy.covers(peer))
    }

    /// Whether a peer is a trusted HTTP proxy that names its client in the headers of a request.
    pub(crate) fn trusts_headers_of(&self, peer: Peer) -> bool {
        self.forwarders.iter().any(|hop| hop.covers(peer))
    }

    /// The settings in a recording. Trusted proxies and the health path are left out: a recording holds the
    /// results of checking them.
    pub(crate) fn noted(&self) -> file::Settings {
        file::Settings {
            max_len: self.max_len as u64,
            max_len_before_login: self.max_len_before_login as u64,
            max_packets_per_second: self.max_packets_per_second,
            handshake_ms: self.handshake_ms,
            read_ms: self.read_ms,
            client_check_ms: self.client_check_ms,
            account_check_ms: self.account_check_ms,
            housekeeping_ms: self.housekeeping_ms,
            ping_ms: self.ping_ms,
            close_ms: self.close_ms,
            frames_count: self.liveness == Liveness::Frames,
            outbox_limit: self.outbox_limit as u64,
            drops: self.overflow == Overflow::Drop,
            compress_above: self.compress_above as u64,
            deflate: match self.deflate {
                DeflateMode::Off => 0,
                DeflateMode::Shared => 1,
                DeflateMode::Dedicated => 2,
            },
            deflate_above: self.deflate_above as u64,
            paths: self.paths.clone(),
            origins: self.origins.clone(),
            subprotocols: self.subprotocols.clone(),
            subprotocol_required: self.subprotocol_required,
        }
    }

    /// The stalls in the form of a recording.
    pub(crate) fn noted_stalls(&self, now: Moment) -> Vec<Stalled> {
        let noted = |stall: &Stall| Stalled {
            ago_ms: now.since(stall.end),
            poll_ms: stall.poll_ms,
            turn_ms: stall.turn_ms,
            long_ago_ms: stall.first_long.map(|at| now.since(at)),
        };
        self.stalls.list().iter().map(noted).collect()
    }

    /// Takes over the stalls of a recording.
    pub(crate) fn set_stalls(&mut self, noted: &[Stalled], now: Moment) {
        let ago = |ms| Moment::from_ms(now.as_ms().saturating_sub(ms));
        let stall = |noted: &Stalled| Stall {
            end: ago(noted.ago_ms),
            poll_ms: noted.poll_ms,
            turn_ms: noted.turn_ms,
            first_long: noted.long_ago_ms.map(ago),
        };
        self.stalls.set(noted.iter().map(stall).collect());
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

/// How far a server has drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draining {
    /// It serves.
    No,
    /// It still serves during the drain delay. Health checks fail, so that no new clients are sent to it.
    Announced,
    /// It refuses all upgrades.
    Begun,
}
