//! The configuration in the form that connections use.

use std::time::Duration;

use crate::cause::Cause;
use crate::config::{Config, DeflateMode, Liveness, Overflow, TrustedProxy};
use crate::frame::MAX_SHORT_MESSAGE;
use crate::moment::{Moment, whole_ms};
use crate::record::Peer;
use crate::recording::file;
use crate::recording::note::Stalled;
use crate::stalls::{Stall, Stalls};
use crate::upgrade::Policy;

/// The most close timeouts by which a client that keeps sending can delay the end.
pub(super) const MAX_CLOSE_TIMEOUTS: u32 = 15;

/// The configuration in the form that connections use: valid, with durations in milliseconds. A limit or
/// timer that is off is 0.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_len: usize,
    pub(crate) max_len_before_login: usize,
    pub(crate) max_packets_per_second: u32,
    /// These limits let any short message pass, at any rate.
    pub(super) short_messages_pass: bool,
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
    /// A drain closes only so many clients a second.
    paces_drain: bool,
    pub(crate) deflate: DeflateMode,
    compress_above: usize,
    deflate_above: usize,
    /// The level of compression.
    pub(crate) deflate_level: u8,
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
        let Config { limits, timers, output, upgrade, .. } = config;
        let periods = [
            timers.handshake,
            timers.read,
            timers.client_check,
            timers.account_check,
            timers.housekeeping,
            Some(timers.close.saturating_mul(MAX_CLOSE_TIMEOUTS)),
        ];
        let max_len_before_login = limits.max_len_before_login.unwrap_or(limits.max_len);
        let least_max_len = limits.max_len.min(max_len_before_login);
        Settings {
            max_len: limits.max_len,
            max_len_before_login,
            max_packets_per_second: limits.max_packets_per_second.unwrap_or(0),
            short_messages_pass: limits.max_packets_per_second.is_none()
                && least_max_len >= MAX_SHORT_MESSAGE,
            handshake_ms: ms(timers.handshake),
            read_ms: ms(timers.read),
            client_check_ms: ms(timers.client_check),
            account_check_ms: ms(timers.account_check),
            housekeeping_ms: ms(timers.housekeeping),
            ping_ms: ms(timers.ping_interval),
            close_ms: whole_ms(timers.close),
            stalls: Stalls::new(periods.into_iter().map(ms).max().unwrap_or_default()),
            liveness: timers.liveness,
            outbox_limit: output.outbox_limit.unwrap_or(0),
            overflow: output.overflow,
            paces_drain: config.drain.rate.is_some(),
            deflate: output.deflate,
            compress_above: output.compress_above.unwrap_or(0),
            deflate_above: output.deflate_above,
            deflate_level: output.deflate_level,
            proxies: config.proxies.proxy_protocol.clone(),
            forwarders: config.proxies.forwarded_for.clone(),
            health_path: upgrade.health_path.clone(),
            paths: upgrade.paths.clone(),
            origins: upgrade.origins.clone(),
            subprotocols: upgrade.subprotocols.clone(),
            subprotocol_required: upgrade.subprotocol_required,
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
            deflate_level: self.deflate_level,
            paths: self.paths.clone(),
            origins: self.origins.clone(),
            subprotocols: self.subprotocols.clone(),
            subprotocol_required: self.subprotocol_required,
            paces_drain: self.paces_drain,
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

    /// The reason in the Close frame for a cause.
    pub(super) fn close_reason(&self, cause: Cause) -> &'static str {
        match cause {
            // The pace spreads the clients already, so they need not wait for long.
            Cause::GoingAway if self.paces_drain => "going away retry=1",
            cause => cause.reason(),
        }
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

/// A timer in milliseconds; 0 if it is off.
fn ms(timer: Option<Duration>) -> u64 {
    timer.map_or(0, whole_ms)
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
