//! Raises the descriptor limit, and limits the number of clients to it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sysconn::Config;

/// Descriptors reserved for other uses than admitted clients: listeners, the poll, the waker, the log, a
/// spare one, the page of `--dev`, and clients that are being refused.
const RESERVED: u64 = 64;
/// Descriptors that each further worker needs beside its listeners: two for the poll, its alarm, the waker
/// and a spare one.
const RESERVED_PER_WORKER: u64 = 5;

/// Raises the descriptor limit to the hard limit, and makes `config` admit no more clients than that.
pub(crate) fn fit(config: &mut Config) {
    let Some(limit) = raise() else { return };
    let of_worker = RESERVED_PER_WORKER + (config.listen.len() + config.listeners.inherited.len()) as u64;
    let reserved = RESERVED + of_worker.saturating_mul(config.workers.saturating_sub(1) as u64);
    let allowed = usize::try_from(limit.saturating_sub(reserved)).unwrap_or(usize::MAX).max(1);
    let asked = config.limits.max_connections;
    if let Some(asked) = asked.filter(|asked| *asked > allowed) {
        log::warn!(
            "the descriptor limit of {limit} does not meet --max-connections {asked}: at most {allowed} are admitted"
        );
    }
    config.limits.max_connections = Some(asked.map_or(allowed, |asked| asked.min(allowed)));
}

/// Raises the descriptor limit to the hard limit, and returns it; `None` means no limit.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            log::warn!("the descriptor limit stays at {current:?}: {error}");
            current
        }
    }
}
